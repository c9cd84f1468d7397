/* BPF by hand: libseccomp cannot say "newer than", and guardian's program should depend on
 * little. */
#include "base/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* Newest call considered below: file_setattr, Linux 6.17. From 424 on all machines share numbers. */
#define NEWEST_JUDGED 469

/* Not in the oldest supported headers. */
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

/* Code in the kernel, another kernel, the machine itself. Hooks are operators' programs: no more is refused. */
static const int machine[] = {
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
    SYS_bpf,
    SYS_perf_event_open,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_lookup_dcookie,
    SYS_nfsservctl,
#ifdef __x86_64__
    SYS_create_module,
    SYS_get_kernel_syms,
    SYS_query_module,
    SYS_uselib,
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
#endif
};

/* Other programs, processes and views of the file system, and kernel holes. */
static const int beyond_worker[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_kill,
    SYS_rt_sigqueueinfo,
    SYS_pidfd_open,
    SYS_pidfd_getfd,
    SYS_pidfd_send_signal,
    SYS_socketpair, /* one of datagrams sends to any path: journald's, chronyd's */
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_open_tree,
    SYS_open_tree_attr,
    SYS_move_mount,
    SYS_mount_setattr,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_quotactl,
    SYS_quotactl_fd,
    SYS_fanotify_init,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_syslog,
    SYS_vhangup,
    SYS_sethostname,
    SYS_setdomainname,
};

/* AF_UNIX too: docker's socket means root. Keeper's exists already. */
static const int network_calls[] = {
    SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4,
};

/* openat(2) is looked at. Worker asks for its predecessor's threads by signals to others, which are here too. */
static const int changing_files[] = {
    SYS_openat2,
    SYS_unlinkat,
    SYS_renameat2,
    SYS_linkat,
    SYS_symlinkat,
    SYS_mkdirat,
    SYS_mknodat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchownat,
    SYS_truncate,
    SYS_utimensat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
    SYS_fallocate,
    SYS_tkill,
    SYS_rt_tgsigqueueinfo,
    SYS_open_by_handle_at,
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef SYS_fchmodat2
    SYS_fchmodat2,
#endif
#ifdef __x86_64__
    SYS_creat,
    SYS_unlink,
    SYS_rmdir,
    SYS_rename,
    SYS_link,
    SYS_symlink,
    SYS_mkdir,
    SYS_mknod,
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_utime,
    SYS_utimes,
    SYS_futimesat,
#endif
};

/* Root's may be another process's. */
static const int scheduling[] = {
    SYS_sched_setparam, SYS_sched_setattr, SYS_setpriority,	SYS_ioprio_set,
    SYS_migrate_pages,	SYS_move_pages,	   SYS_process_madvise,
};

/* Worker needs them for its own threads. */
static const int placing[] = {
    SYS_sched_setscheduler,
    SYS_sched_setaffinity,
};

/* A transport has all that it needs open. Its libraries need time and memory, and look at what they have; libssh asks
 * its socket for errors and its peer. */
static const int transport_calls[] = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_sendto,
    SYS_sendmsg,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_ppoll,
    SYS_futex,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_restart_syscall,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_brk,
    SYS_getrandom,
    SYS_getpid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sched_yield,
    SYS_fstat,
    SYS_lseek,
    SYS_close,
    SYS_exit,
    SYS_exit_group,
#ifdef __SANITIZE_ADDRESS__ /* before each call that does not return */
    SYS_sigaltstack,
#endif
#ifdef __x86_64__
    SYS_poll,
    SYS_time,
#endif
#ifdef SYS_newfstatat
    SYS_newfstatat,
#endif
};

#define CODE_MAX 512

struct program {
	struct sock_filter code[CODE_MAX];
	unsigned short n;
};

_Static_assert(2 * (ARRAY_SIZE(machine) + ARRAY_SIZE(beyond_worker) + ARRAY_SIZE(network_calls) +
		    ARRAY_SIZE(changing_files) + ARRAY_SIZE(scheduling) + ARRAY_SIZE(placing)) +
		       64 <
		   CODE_MAX,
	       "a filter has room for every list");

static void put_instruction(struct program *p, uint16_t code, uint8_t if_true, uint8_t if_false, uint32_t k)
{
	p->code[p->n++] = (struct sock_filter){code, if_true, if_false, k};
}

static void load_word(struct program *p, size_t offset)
{
	put_instruction(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void put_answer(struct program *p, uint32_t action)
{
	put_instruction(p, BPF_RET | BPF_K, 0, 0, action);
}

static uint32_t refusal(int error)
{
	return SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA);
}

/* Leaves the call's number loaded. foreign: verdict on another architecture's calls (32-bit code). */
static void begin_program(struct program *p, uint32_t foreign)
{
	p->n = 0;
#ifdef ARCH
	load_word(p, offsetof(struct seccomp_data, arch));
	put_instruction(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCH);
	put_answer(p, foreign);
#else
	(void)foreign;
#endif
	load_word(p, offsetof(struct seccomp_data, nr));
}

static void refuse_calls(struct program *p, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		put_instruction(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)calls[i]);
		put_answer(p, refusal(EPERM));
	}
}

/* CLONE_FS gives threads their own working directory and umask. Flags are the argument's low half: the kernel
 * refuses the high one. */
static void refuse_namespaces(struct program *p)
{
	put_instruction(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, SYS_unshare);
	load_word(p, offsetof(struct seccomp_data, args[0]));
	put_instruction(p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, ~(uint32_t)CLONE_FS);
	put_answer(p, refusal(EPERM));
	put_answer(p, SECCOMP_RET_ALLOW);
}

/* SPEC_ALLOW: before Linux 5.16 a filter otherwise slows every memory access. */
static errint_t install_filter(const struct program *p, unsigned flags)
{
#ifdef ARCH
	const struct sock_fprog fprog = {.len = p->n, .filter = (struct sock_filter *)(uintptr_t)p->code};

	flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &fprog) < 0 ? -errno : 0;
#else
	(void)p;
	(void)flags;
	return -ENOSYS;
#endif
}

/* Not logged, so separate: a libc may try new calls often. */
static errint_t hide_new_calls(void)
{
	struct program p;

	begin_program(&p, SECCOMP_RET_ALLOW);
	put_instruction(&p, BPF_JMP | BPF_JGT | BPF_K, 0, 1, NEWEST_JUDGED);
	put_answer(&p, refusal(ENOSYS));
	put_answer(&p, SECCOMP_RET_ALLOW);
	return install_filter(&p, 0);
}

/* For these values of a call's argument, an int: its low half is judged. Leaves the call's number loaded. */
static void allow_with(struct program *p, int call, size_t argument, const uint32_t *values, uint8_t n)
{
	put_instruction(p, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(2 * n + 2), (uint32_t)call);
	load_word(p, offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t));
	for (uint8_t i = 0; i < n; i++) {
		put_instruction(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, values[i]);
		put_answer(p, SECCOMP_RET_ALLOW);
	}
	put_answer(p, refusal(EPERM));
}

/* A limit of one second of processor time kills; setting another process's takes no more than its user. */
static void allow_own_limits(struct program *p)
{
	static const uint32_t own = 0;

	allow_with(p, SYS_prlimit64, 0, &own, 1);
}

static void allow_modest_scheduling(struct program *p)
{
	static const uint32_t modest[] = {SCHED_OTHER, SCHED_IDLE};

	allow_with(p, SYS_sched_setscheduler, 1, modest, ARRAY_SIZE(modest));
}

errint_t syscalls_restrict_worker(void)
{
	struct program p;
	errint_t rc = hide_new_calls();

	if (rc < 0)
		return rc;
	begin_program(&p, refusal(EPERM));
	refuse_calls(&p, machine, ARRAY_SIZE(machine));
	refuse_calls(&p, beyond_worker, ARRAY_SIZE(beyond_worker));
	refuse_calls(&p, network_calls, ARRAY_SIZE(network_calls));
	refuse_calls(&p, scheduling, ARRAY_SIZE(scheduling));
	allow_modest_scheduling(&p);
	allow_own_limits(&p);
	refuse_namespaces(&p);
	put_answer(&p, SECCOMP_RET_ALLOW);
	return install_filter(&p, SECCOMP_FILTER_FLAG_LOG);
}

/* Other processes of the user nobody get no signal, neither directly nor through a descriptor's owner. */
static void allow_harmless(struct program *p)
{
	static const uint32_t commands[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GET_SEALS},
			      requests[] = {FIONREAD, FIONBIO, TCGETS};
	const uint32_t own = (uint32_t)getpid();

	allow_with(p, SYS_fcntl, 1, commands, ARRAY_SIZE(commands));
	allow_with(p, SYS_ioctl, 1, requests, ARRAY_SIZE(requests));
	allow_with(p, SYS_tgkill, 0, &own, 1);
}

errint_t syscalls_restrict_transport(void)
{
	struct program p;

	begin_program(&p, refusal(EPERM));
	allow_harmless(&p);
	for (size_t i = 0; i < ARRAY_SIZE(transport_calls); i++) {
		put_instruction(&p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)transport_calls[i]);
		put_answer(&p, SECCOMP_RET_ALLOW);
	}
	put_answer(&p, refusal(EPERM));
	return install_filter(&p, SECCOMP_FILTER_FLAG_LOG);
}

/* For these values of an argument. Leaves the call's number loaded. */
static void refuse_with(struct program *p, int call, size_t argument, const uint32_t *values, uint8_t n)
{
	put_instruction(p, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(2 * n + 2), (uint32_t)call);
	load_word(p, offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t));
	for (uint8_t i = 0; i < n; i++) {
		put_instruction(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, values[i]);
		put_answer(p, refusal(EPERM));
	}
	put_answer(p, SECCOMP_RET_ALLOW);
}

static void refuse_bits(struct program *p, int call, size_t argument, uint32_t bits)
{
	put_instruction(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)call);
	load_word(p, offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t));
	put_instruction(p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, bits);
	put_answer(p, refusal(EPERM));
	put_answer(p, SECCOMP_RET_ALLOW);
}

errint_t syscalls_restrict_login(void)
{
	static const uint32_t families[] = {AF_INET, AF_INET6, AF_NETLINK},
			      commands[] = {F_SETOWN, F_SETOWN_EX, F_SETSIG},
			      requests[] = {FIOSETOWN, SIOCSPGRP};
	const uint32_t own = (uint32_t)getpid();
	const uint32_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
	struct program p;
	errint_t rc = hide_new_calls();

	if (rc < 0)
		return rc;
	begin_program(&p, refusal(EPERM));
	refuse_calls(&p, machine, ARRAY_SIZE(machine));
	refuse_calls(&p, beyond_worker, ARRAY_SIZE(beyond_worker));
	refuse_calls(&p, changing_files, ARRAY_SIZE(changing_files));
	refuse_calls(&p, scheduling, ARRAY_SIZE(scheduling));
	refuse_calls(&p, placing, ARRAY_SIZE(placing));
	allow_own_limits(&p);
	refuse_bits(&p, SYS_openat, 2, writing);
#ifdef __x86_64__
	refuse_bits(&p, SYS_open, 1, writing);
#endif
	allow_with(&p, SYS_socket, 0, families, ARRAY_SIZE(families));
	allow_with(&p, SYS_tgkill, 0, &own, 1);
	refuse_with(&p, SYS_fcntl, 1, commands, ARRAY_SIZE(commands));
	refuse_with(&p, SYS_ioctl, 1, requests, ARRAY_SIZE(requests));
	refuse_namespaces(&p);
	put_answer(&p, SECCOMP_RET_ALLOW);
	return install_filter(&p, SECCOMP_FILTER_FLAG_LOG);
}

errint_t syscalls_restrict_keeper(void)
{
	struct program p;

	/* Hooks may be 32-bit; the capabilities for these calls are gone. */
	begin_program(&p, SECCOMP_RET_ALLOW);
	refuse_calls(&p, machine, ARRAY_SIZE(machine));
	put_answer(&p, SECCOMP_RET_ALLOW);
	return install_filter(&p, SECCOMP_FILTER_FLAG_LOG);
}
