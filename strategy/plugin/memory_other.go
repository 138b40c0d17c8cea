//go:build !linux

package plugin

import (
	"errors"
	"fmt"
	"os"
)

// NewMemory returns memory for one plugin's process. Where the system has none
// of this kind, the error is errors.ErrUnsupported, and backtests go without.
func NewMemory() (*Memory, error) {
	return nil, fmt.Errorf("plugin: shared memory: %w", errors.ErrUnsupported)
}

func mapMemory(file *os.File) (*Memory, error) {
	_ = file.Close()
	return nil, fmt.Errorf("plugin: shared memory: %w", errors.ErrUnsupported)
}

func unmapMemory([]byte) error { return nil }

func presentProcessor() uint32 { return 0 }

func stepAside(uint32) {}
