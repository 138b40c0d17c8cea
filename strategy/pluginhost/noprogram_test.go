//go:build unix

package pluginhost_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// proves PL5: what is no program is refused before it is read, whatever an operator names:
// it could be without an end, or larger than the memory.
func TestFilesThatAreNoPrograms(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	pipe, large := filepath.Join(directory, "pipe"), filepath.Join(directory, "large")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(large)
	if err == nil {
		err = errors.Join(f.Truncate(1<<40), f.Close()) // without taking any room
	}
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		directory: "is no program but a directory", pipe: "is no program but a directory, a pipe", "/dev/zero": "or a device", large: "has 1048576 MiB",
		filepath.Join(directory, "none"): "no such file",
	} {
		for name, host := range map[string]*pluginhost.Host{"shut in": boxed(t, pluginhost.Config{}), "not shut in": newHost(t, pluginhost.Config{})} {
			_, err := host.Inspect(t.Context(), path)
			var fault *pluginhost.Error
			if !errors.As(err, &fault) || fault.Kind != pluginhost.Start || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %v, want one of kind %s with %q", path, name, err, pluginhost.Start, want)
			}
		}
	}
}

// proves PL5: where others can write, too, what lies there under the name of a process's
// directory holds no host up.
func TestPipeInThePlaceOfADirectory(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	pipe := filepath.Join(directory, "lbp-1")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	made := make(chan error, 1)
	go func() {
		host, err := pluginhost.New(pluginhost.Config{TempDir: directory})
		if err == nil {
			host.Stop()
		}
		made <- err
	}()
	select {
	case err := <-made:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the host waits for the other end of a pipe that is none of its own")
		if end, err := os.OpenFile(pipe, os.O_WRONLY, 0); err == nil {
			_ = end.Close()
		}
		if err := <-made; err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(pipe); err != nil {
		t.Errorf("what is no directory is removed: %v", err)
	}
}
