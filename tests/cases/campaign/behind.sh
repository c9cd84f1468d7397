# Writers of all kinds with an oracle, and everything that can fail failing at random moments, with durability = behind: what was synced is there, what
# was acknowledged is there, or told and suspect, and nothing is left over. The whole is tests/campaign; here some faults of a few seeds.
# limit: 400
# long: two seeds with eight faults each, each with its outage, its recovery and a check of all files
. "$REPO/tests/campaign/campaign.bash"

# Without the reader of a published file: docs/TESTING.md, The campaign, says why.
DURABILITY=behind FAULTS=${FAULTS:-8} CROWD=${CASE_CROWD:-warc:w1 warc:w2 state publish link direct mmap rsync}
for seed in ${SEEDS:-1 5}; do
	campaign $seed
done
