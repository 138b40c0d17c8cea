package pluginhost

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// processorTime returns the processor time that all threads of a process have used, by
// the clock that the kernel has for each (clock_getcpuclockid(3)): it needs no /proc and
// counts nanoseconds, where /proc/PID/stat counts hundredths of a second.
func processorTime(pid int) (time.Duration, error) {
	const wholeProcess = 2 // CPUCLOCK_SCHED, without the bit for a single thread
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|wholeProcess), &used); err != nil {
		return 0, fmt.Errorf("reading the processor time of process %d: %w", pid, err)
	}
	return time.Duration(used.Nano()), nil
}

// errNoProcess means that a process has ended.
const errNoProcess = unix.ESRCH

// yield gives a process and all that it starts a priority that is so many steps lower
// than this one's.
func yield(p *os.Process, steps int) error {
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return fmt.Errorf("reading the own priority: %w", err)
	}
	own := 20 - raw // what the system call returns is never negative
	if err := unix.Setpriority(unix.PRIO_PGRP, p.Pid, min(own+steps, 19)); err != nil {
		return fmt.Errorf("lowering the priority of process %d: %w", p.Pid, err)
	}
	return nil
}
