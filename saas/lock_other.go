//go:build !unix

package saas

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockDir opens the lock's file; only on Unix systems does it keep another
// process away from the data folder.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data folder: %w", err)
	}
	return f, nil
}
