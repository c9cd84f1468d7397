# Writers of all kinds with an oracle, and everything that can fail failing at random moments, with durability = through: what was synced is there, what
# was acknowledged is there, or told and suspect, and nothing is left over. The whole is tests/campaign; here some faults of a few seeds.
# limit: 400
. "$REPO/tests/campaign/campaign.bash"

DURABILITY=through FAULTS=${FAULTS:-8}
for seed in ${SEEDS:-1 3}; do
	campaign $seed
done
