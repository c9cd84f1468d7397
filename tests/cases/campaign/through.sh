# Writers of all kinds with an oracle, and everything that can fail failing at random moments, with durability = through: what was synced is there, what
# was acknowledged is there, or told and suspect, and nothing is left over. The whole is tests/campaign; here some faults of a few seeds.
# limit: 400
# long: eight faults, each with its outage, its recovery and a check of all files
. "$REPO/tests/campaign/campaign.bash"

# Without the reader of a published file: docs/TESTING.md, The campaign, says why.
DURABILITY=through FAULTS=${FAULTS:-6} CROWD=${CASE_CROWD:-warc:w1 warc:w2 state publish link direct mmap rsync}
for seed in ${SEEDS:-1 3}; do
	campaign $seed
done
