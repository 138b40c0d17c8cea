//go:build !unix

package plugin

import (
	"errors"
	"fmt"
	"os"
)

// NewLine returns a line to one plugin's process. Where the system has none of
// this kind, the error is errors.ErrUnsupported, and rounds go by gRPC alone.
func NewLine() (*Line, error) {
	return nil, fmt.Errorf("plugin: a line: %w", errors.ErrUnsupported)
}

func openLine(int) (*os.File, error) {
	return nil, fmt.Errorf("plugin: a line: %w", errors.ErrUnsupported)
}
