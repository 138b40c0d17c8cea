//go:build !unix

package catalog

import (
	"context"
	"os"
)

// lockDir opens a folder; only on Unix systems does it keep other processes away.
func lockDir(_ context.Context, dir string) (*os.File, error) { return os.Open(dir) }
