package pluginhost

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// heldMemory returns how much memory a process holds, in bytes: what is in memory, with
// what it shares, what was swapped out, the huge pages that an operator set aside, and the
// page tables, which memory that was only mapped needs too. It is 0 for one that is ending.
func heldMemory(pid int) (int64, error) {
	own := fmt.Sprintf("/proc/%d", pid)
	if held, there, err := memoryOf(own); there || err != nil {
		return held, err
	}
	// The first thread has ended: the others still have the memory.
	threads, err := os.ReadDir(own + "/task")
	if err != nil {
		return 0, fmt.Errorf("reading what a process holds: %w", err)
	}
	for _, thread := range threads {
		held, there, err := memoryOf(filepath.Join(own, "task", thread.Name()))
		if there || err != nil && !ended(err) {
			return held, err
		}
	}
	return 0, nil
}

// memoryOf adds up what the status in a directory of /proc says; there is false if the
// thread that the directory is of has no memory any more.
func memoryOf(directory string) (held int64, there bool, err error) {
	raw, err := os.ReadFile(filepath.Join(directory, "status")) //nolint:gosec // a file of the system
	if err != nil {
		return 0, false, fmt.Errorf("reading what a process holds: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "VmRSS", "VmPTE", "VmSwap", "HugetlbPages":
		default:
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0, false, fmt.Errorf("reading what a process holds: %s: %w", name, err)
		}
		held, there = held+n<<10, true
	}
	return held, there, nil
}

// ended reports whether the error of heldMemory says that there is no such process.
func ended(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }

// mappings counts the parts of a process's memory, but not far beyond most. It is 0 for one
// that is ending.
func mappings(pid, most int) (int, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, fmt.Errorf("reading what a process holds: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	count, part := 0, make([]byte, 16<<10)
	for count < most {
		n, err := f.Read(part)
		count += bytes.Count(part[:n], []byte{'\n'})
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return count, fmt.Errorf("reading what a process holds: %w", err)
		}
	}
	return count, nil
}

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
