# The terminal of the cases: its picture is that of a vt100, of which ncurses uses one sequence or another as it changes more or less;
# and what it does not know ends it, in place of a picture that stays.
. "$REPO/tests/lib/lib.sh"

# shown BYTES [COLUMNS ROWS]: the picture after them, without the blank lines at its end, in one line.
shown()
{
	rm -rf "$WORK/screen"
	mkdir "$WORK/screen"
	"$REPO/tests/lib/screen.py" "$WORK/screen" "${2:-8}" "${3:-6}" -- printf "$1" >"$WORK/out" 2>&1 || fail "$(cat "$WORK/out")"
	echo "$(<"$WORK/screen/screen")" | tr '\n' '|'
}

# draws BYTES PICTURE: from six lines, each its number.
draws()
{
	local lines='\e[H1\e[2H2\e[3H3\e[4H4\e[5H5\e[6H6'

	assert_eq "$(shown "$lines$1")" "$2|" "the picture after $1"
}

say "lines that move up or down within a region, as where a line goes that others were below"
draws '\e[2;5r\e[5;1H\n\e[1;6r' '1|3|4|5||6'
draws '\e[2;5r\e[5;1H\eD' '1|3|4|5||6'
draws '\e[2;5r\e[2;1H\eM' '1||2|3|4|6'
draws '\e[2;5r\e[3;1H\n\eMx' '1|2|x|4|5|6'
draws '\e[2;5rx' 'x|2|3|4|5|6'
draws '\e[6;1H\n' '2|3|4|5|6'
draws '\e[H\eM' '|1|2|3|4|5'
draws '\e[2;5r\e[6;1H\n\e[Hx' 'x|2|3|4|5|6'
draws '\e[2;5r\e[4;1H\e[9Bx\e[1D\e[9Ay' '1|y|3|4|x|6'

say "the last column"
draws '\e[H12345678' '12345678|2|3|4|5|6'
draws '\e[H12345678x' '12345678|x|3|4|5|6'
draws '\e[H\e[?7l12345678x\e[?7h' '1234567x|2|3|4|5|6'
draws '\e[H12345678\e[1K' '|2|3|4|5|6'
draws '\e[H12345678\bx' '123456x8|2|3|4|5|6'

say "guardfs started again, byte by byte as guardctl watch has drawn it"
# The last two pictures: the backend is connecting, and it is healthy, a line higher.
bytes='\e[H\e[J\e[0;1m\017guardfs test on /jobs\e[1;65H\e[0;7m\017 down for 0s\e[2;4H\e[m\017box connecting\e[K\r\e[1B\e[K\e[1B\e[0;1m\017'
bytes+='BACKEND            STATE   SINCE   P99 OPS/S ERR/S  WAIT  WRITE/S   READ/S   P50\e[5;1H\e[m\017box\e[5;13H\e[0;1m\017  connecting'
bytes+='\e[6C\e[m\0170s     -     ?     ?     0\e[5;65H?\e[8C?     -\e[6;1H\e[0m\017  doing: \e[m\017making the first connection; '
bytes+='tries so far: 1\r\e[1B\e[0m\017  to do: \e[m\017nothing to do\r\e[2B\e[0;1m\017ROUTE THAT DOES NOT SERVE            STATE   SINCE'
bytes+='          CLASS        BACKEND\e[10;1H\e[m\017cold\e[10;31H\e[0;1m\017  connecting\e[6C\e[m\0170s\e[10;62Hnone\e[12Cbox\e[24;19H'
bytes+='\e[H\e[75C\e[0;7m\0171\e[5;31H\e[m\0171\e[10;49H1\e[24;19H'
bytes+='\e[2;5r\e[5;1H\n\e[1;24r\e[1;66H\e[0;1m\017  \e[m\017 ok for 0s\e[4;13H     healthy\e[6C0\r\e[2B1 route: healthy\e[K\r\e[1B\e[K\e[2B\e[K'
bytes+='\e[1B\e[K\e[24;9H\e[0m\0176\e[24;19H\e[m\017'
shown "$bytes" 80 24 | tr '|' '\n' | sed -n '2,10p' >"$WORK/drawn"
cat >"$WORK/expected" <<'END'

BACKEND            STATE   SINCE   P99 OPS/S ERR/S  WAIT  WRITE/S   READ/S   P50
box              healthy      0s     -     ?     ?     0        ?        ?     -

1 route: healthy




END
diff "$WORK/expected" "$WORK/drawn"

say "what comes in pieces"
rm -r "$WORK/screen"
mkdir "$WORK/screen"
"$REPO/tests/lib/screen.py" "$WORK/screen" 8 6 -- sh -c 'stty -echo; printf "1\033"; read x; printf "[2"; read x; printf ";3Hx"' &
pieces=$!
screen_bytes()
{
	(($(cat "$WORK/screen/bytes" 2>/dev/null || echo 0) >= $1))
}
wait_until 5000 screen_bytes 2
echo >"$WORK/screen/keys"
wait_until 5000 screen_bytes 4
echo >"$WORK/screen/keys"
wait "$pieces" || fail "exit status $?"
assert_eq "$(tr -d '\n' <"$WORK/screen/screen")" '1  x'

say "what it does not know"
for unknown in '\e[3L' '\e]0;title\a' '\e#8' '\e7' '\e[1J'; do
	rm -r "$WORK/screen"
	mkdir "$WORK/screen"
	assert_exit 1 'does not know' "$REPO/tests/lib/screen.py" "$WORK/screen" 8 6 -- printf "$unknown"
	grep -q 'does not know' "$WORK/screen/screen" || fail "a picture after $unknown"
done
