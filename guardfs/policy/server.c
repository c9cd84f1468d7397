#include "policy/server.h"

static const struct server_feature_info features[SERVER_FEATURE_COUNT] = {
    [SERVER_POSIX_RENAME] =
	{"posix-rename", "posix-rename@openssh.com", "1",
	 "renaming over a file that exists is refused (EPERM): whatever replaces files by rename fails"},
    [SERVER_FSYNC] = {"fsync", "fsync@openssh.com", "1",
		      "fsync returns when the server has the data, not when its disk has: a crash of the "
		      "server can lose it"},
    [SERVER_STATVFS] = {"statvfs", "statvfs@openssh.com", "2",
			"free space is unknown (df says 0), or made up by sshfs (df says 1000 GiB): a full "
			"server is noticed only when writing fails"},
    [SERVER_APPEND] =
	{"append", NULL, NULL,
	 "it does not go to the end of a file by itself: each append asks for the size first, and "
	 "two clients that append at the same moment can still go over each other's lines"},
};

const struct server_feature_info *server_feature_info(enum server_feature feature)
{
	return &features[(unsigned)feature < SERVER_FEATURE_COUNT ? feature : SERVER_POSIX_RENAME];
}
