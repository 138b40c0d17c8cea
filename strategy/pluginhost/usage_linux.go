package pluginhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// residentMemory returns how much memory a process holds, in bytes, with what it shares.
func residentMemory(pid int) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("reading what a process holds: %w", err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(raw), &size, &resident); err != nil {
		return 0, fmt.Errorf("reading what a process holds: %w", err)
	}
	return resident * int64(os.Getpagesize()), nil
}

// ended reports whether the error of residentMemory says that there is no such process.
func ended(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }

// filesIn counts the files in a process's directory and in those that the host has made
// in it, but no more than most.
func filesIn(directory string, most int) int {
	count := 0
	for names := []string{""}; len(names) > 0 && count < most; names = names[1:] {
		// The program made whatever else has the name of a directory, and it is not followed.
		f, err := os.OpenFile(filepath.Join(directory, names[0]), unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) //nolint:gosec // the names are of the host's own directory
		if err != nil {
			continue
		}
		found, _ := f.Readdirnames(most) // what cannot be listed counts as nothing
		_ = f.Close()
		count += len(found)
		if names[0] != "" {
			continue
		}
		for _, name := range found {
			if strings.HasPrefix(name, "plugin-dir") { // go-plugin's, for sockets
				names = append(names, name)
			}
		}
	}
	return count
}
