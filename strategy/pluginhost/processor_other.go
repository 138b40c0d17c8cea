//go:build !linux

package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// processorTime is not known on this system.
func processorTime(int) (time.Duration, error) {
	return 0, fmt.Errorf("reading the processor time of a process: %w", errors.ErrUnsupported)
}

// errNoProcess means that a process has ended.
const errNoProcess = syscall.ESRCH

// yield does nothing on this system.
func yield(*os.Process, int) error { return errors.ErrUnsupported }
