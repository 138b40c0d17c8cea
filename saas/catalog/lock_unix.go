//go:build unix

package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockPause is the time between two looks at a lock that another process has.
const lockPause = 5 * time.Millisecond

// lockDir waits until nobody else of this machine has a folder, and takes it until the
// file is closed or the process ends, however that comes.
func lockDir(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.Open(dir) //nolint:gosec // a folder of ours
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("another process is at work in %s: %w", dir, ctx.Err()), f.Close())
		case <-time.After(lockPause):
		}
	}
}
