//go:build unix

package plugin

import (
	"fmt"
	"os"
	"syscall"
)

// NewLine returns a line to one plugin's process. Where the system has none of
// this kind, the error is errors.ErrUnsupported, and rounds go by gRPC alone.
func NewLine() (*Line, error) {
	syscall.ForkLock.RLock() // no process that is started meanwhile may get them
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(ends[0])
		syscall.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("plugin: making a line: %w", err)
	}
	ours, err := openLine(ends[0])
	if err != nil {
		_ = syscall.Close(ends[1])
		return nil, err
	}
	return newLine(ours, os.NewFile(uintptr(ends[1]), "line")), nil
}

// openLine takes over a descriptor, whose reads and writes shall wait in Go's
// poller and not in a thread each. No program that this process starts has it.
func openLine(fd int) (*os.File, error) {
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("plugin: opening the line: %w", err)
	}
	return os.NewFile(uintptr(fd), "line"), nil
}
