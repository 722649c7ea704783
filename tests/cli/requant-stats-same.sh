# Measured numbers do not depend on threads or memory.
. "$ROOT/tests/cli/lib-requant.sh"
ggtool requant "$TINY" a.gguf --type Q4_K_M -q -j1 --cpu c --stats-out a.csv
for o in -j2 -j7 --max-memory=4MiB --cpu=auto; do
    ggtool requant "$TINY" b.gguf --type Q4_K_M -q $o --stats-out b.csv --force
    same a.csv b.csv
done
head -1 a.csv
wc -l < a.csv
