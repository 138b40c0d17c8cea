package pluginhost

import (
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/strategy/plugin"
)

const (
	// usageInterval is the pause between two looks at what a process holds.
	usageInterval = 100 * time.Millisecond
	// mostFiles is how many files its directory may hold: a few sockets lie there.
	mostFiles = 64
	// mostMappings is how many parts its memory may have: each may keep a file that has no
	// name any more. A program of Go has a few dozen.
	mostMappings = 8192
	// spareMemory is what a process may hold beyond its limit, its program and what the
	// host shares with it, in bytes: libraries, stacks and what the kernel rounds up.
	spareMemory = 64 << 20
)

// room is what a process that is shut in may hold. Its limits make the kernel refuse what
// comes at once; this is for what comes by ways that the limits do not count, such as
// memory that is made read-only once it is written, the page tables of memory that is only
// read, and files one after another.
type room struct {
	memory    int64 // in bytes
	directory string
}

// roomOf returns the room of a process in a box, which has the directory; nil is no bound.
func roomOf(b *box, directory string) *room {
	if b == nil {
		return nil
	}
	return &room{memory: b.limits.Memory + b.program.stamp.size + plugin.MemorySize() + spareMemory, directory: directory}
}

// judge returns an error if a process holds too much; others say why that is not known.
func (r *room) judge(pid int) error {
	held, err := heldMemory(pid)
	if err != nil {
		return err
	}
	if held > r.memory {
		return &excess{fmt.Sprintf("it held %d MiB of memory, with its program and its page tables, and may hold %d", held>>20, r.memory>>20)}
	}
	if n := filesIn(r.directory, mostFiles+1); n > mostFiles {
		return &excess{fmt.Sprintf("its directory held more than %d files", mostFiles)}
	}
	n, err := mappings(pid, mostMappings+1)
	if n > mostMappings {
		return &excess{fmt.Sprintf("its memory had more than %d parts", mostMappings)}
	}
	return err
}

// excess is what a process held too much of.
type excess struct{ text string }

// Error implements error.
func (e *excess) Error() string { return e.text }

// weigh kills the process when it holds more than it may, from its start to its end: one
// that has not said a word yet can hold as much as one that serves.
func (c *child) weigh() {
	ticker := time.NewTicker(usageInterval)
	defer ticker.Stop()
	for told := false; ; {
		select {
		case <-c.done:
			return
		case <-ticker.C:
		}
		err := c.room.judge(c.pid())
		if e := (*excess)(nil); errors.As(err, &e) {
			c.overuse.Store(e)
			c.end()
			return
		}
		if err != nil && !ended(err) && !told {
			told = true // the next look may succeed: the host may have lacked a descriptor
			c.logger.Warn("WHAT A STRATEGY HOLDS CANNOT BE READ: only its own limits are left meanwhile", "error", err)
		}
	}
}

// fault returns why a process of a name is over that ended or was killed.
func (c *connection) fault(name string) *Error {
	if e := c.child.overuse.Load(); e != nil {
		return &Error{Plugin: name, Kind: Overuse, Err: e}
	}
	return fault(name, Crashed, "its process ended: %w", c.ending())
}
