package pluginhost

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os"
	"regexp"
	"runtime"
)

// headSize is how much of the beginning of a file is looked at, in bytes.
const headSize = 16

// systemPattern is the form of a system and a processor: the file is a stranger's, and can
// say what would be a page long or steer a terminal.
var systemPattern = regexp.MustCompile(`^[a-z0-9]{1,16}/[a-z0-9_]{1,16}$`)

// unfit returns why a file cannot be started, if that shows in the file itself: it is
// built for another system, or is no program. Else it returns the error of the start.
func unfit(path string, err error) error {
	f, wrong := os.Open(path) //nolint:gosec // it is a plugin's file, which was about to be run
	if wrong != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if info, wrong := buildinfo.Read(f); wrong == nil {
		set := map[string]string{}
		for _, s := range info.Settings {
			set[s.Key] = s.Value
		}
		system, here := set["GOOS"]+"/"+set["GOARCH"], runtime.GOOS+"/"+runtime.GOARCH
		if system != here && systemPattern.MatchString(system) {
			return fmt.Errorf("it is built for %s and this host runs on %s: build it with GOOS=%s GOARCH=%s go build", system, here, runtime.GOOS, runtime.GOARCH)
		}
		return err
	}
	head := make([]byte, headSize)
	n, _ := f.ReadAt(head, 0)
	switch head = head[:n]; {
	case n == 0:
		return fmt.Errorf("the file is empty: %w", err)
	case isProgram(head):
		return err
	case bytes.HasPrefix(head, []byte("#!")):
		return fmt.Errorf("it is a script, and a plugin is a program that go build makes: %w", err)
	}
	return fmt.Errorf("it begins with %q and is no program that go build makes: %w", head, err)
}

// isProgram reports whether a file begins as programs do: those of Linux, Windows and
// macOS in this order.
func isProgram(head []byte) bool {
	for _, magic := range []string{"\x7fELF", "MZ", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}
