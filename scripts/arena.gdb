# Looks at the shared memory of a running guardfs, with the names of its source, and stops none of its processes:
#
#     gdb -q -x scripts/arena.gdb --args build/tests/tools/arena PID      PID: of guardian
#
# The debugger runs tests/tools/arena, which maps the memory for reading only, and holds it at its end. Then
# `p arena->board.backends[0]` prints a part of it; slots, handles, node N and backends are below.
set pagination off
set print pretty on
catch syscall exit_group
run

define slots
	set $i = 0
	while $i < arena->slots_used
		set $s = &arena->slots[$i]
		if $s->state != SLOT_FREE
			set $b = arena->buffers[$i]
			printf "slot %u: ", $i
			output (enum slot_state)$s->state
			printf ", unique %llu, opcode %u, node %llu, uid %u, ", *(unsigned long long *)($b + 8), *(unsigned *)($b + 4), *(unsigned long long *)($b + 16), *(unsigned *)($b + 24)
			printf "backend %u, epoch %u, inside %u, ", $s->backend, $s->epoch, $s->inside
			printf "park_reason %u, read %llu, deadline %llu, answered %llu\n", $s->park_reason, $s->read_ns, $s->deadline_ns, $s->answered
		end
		set $i = $i + 1
	end
end
document slots
Prints each slot that is in use: its request, where it is, since when, until when (ns of CLOCK_MONOTONIC). Opcodes: linux/fuse.h.
end

define handles
	set $i = 0
	while $i < arena->handles_used
		set $h = &arena->handles[$i]
		if $h->state != HANDLE_FREE
			printf "handle %u: node %u, ", $i, $h->node
			output *$h
			printf "\n"
		end
		set $i = $i + 1
	end
end
document handles
Prints each open file and directory.
end

define node
	p arena->nodes[$arg0]
end
document node
node INDEX: prints a node. The index is the lower half of the kernel's id, less one.
end

define backends
	set $i = 0
	while $i < arena->header.n_backends
		set $w = arena->board.backends[$i].breaker
		printf "%u: epoch %u, breaker %s\n", $i, (unsigned)($w >> 8), ($w & 1) ? "closed" : "open"
		set $i = $i + 1
	end
end
document backends
Prints each backend's epoch and breaker.
end
