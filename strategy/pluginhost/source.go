package pluginhost

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/lunobot/lunobot/strategy/plugin"
)

// Source is where a strategy's binary comes from.
type Source struct {
	// Name is the strategy's name, which its manifest must have too.
	Name string
	// Version is the version that its manifest must have; sources with one are
	// asked for by their Key, so that there may be several of a name. Defaults to
	// any.
	Version string
	// Path is the file. Args are given to it.
	Path string
	Args []string
	// SHA256 pins the file, in hex. Defaults to what the file has when it is
	// used first.
	SHA256 string
	// Manifest is what it tells of itself, if that is known already. Defaults to
	// asking it when somebody wants to know.
	Manifest *plugin.Manifest

	// anybody is true while the strategy's name is still to be found out.
	anybody bool
	// attachment is of a strategy that runs already; Path is its socket then.
	attachment *plugin.Attachment
}

// Key is what the host calls the source: its name, and with a version
// Name@Version.
func (s Source) Key() string { return Key(s.Name, s.Version) }

// Key returns what a host calls a version of a strategy; without a version it
// is the name.
func Key(name, version string) string {
	if version == "" {
		return name
	}
	return name + "@" + version
}

// Bundled returns the sources of the strategies that this binary contains; its
// main must begin with the bundle's ServeIfChild.
func Bundled(b plugin.Bundle) ([]Source, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("looking for this binary: %w", err)
	}
	if runtime.GOOS == "linux" {
		// The running file, even after a newer one was put in its place.
		path = self
	}
	var sources []Source
	for _, def := range b.Definitions() {
		name, manifest := def.Info().Name, plugin.ManifestOf(def)
		sources = append(sources, Source{Name: name, Path: path, Args: b.Args(name), Manifest: &manifest})
	}
	return sources, nil
}

// validate names all that is wrong with the source.
func (s Source) validate() error {
	var problems []error
	if s.Name == "" || s.Path == "" {
		problems = append(problems, fmt.Errorf("source %q needs a name and a path", s.Key()))
	}
	if strings.Contains(s.Name, "@") {
		problems = append(problems, fmt.Errorf("the name of source %q must have no @", s.Name))
	}
	if sum, err := hex.DecodeString(s.SHA256); err != nil || (len(sum) != 0 && len(sum) != 32) {
		problems = append(problems, fmt.Errorf("the SHA-256 of source %q is not 64 hex digits", s.Key()))
	}
	return errors.Join(problems...)
}

// entry returns what the host keeps of the source: its path no longer depends
// on the working directory.
func (s Source) entry() (*entry, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(s.Path)
	if err != nil {
		return nil, fmt.Errorf("the path of source %s: %w", s.Key(), err)
	}
	s.Path = path
	sum, err := hex.DecodeString(s.SHA256)
	return &entry{Source: s, checksum: sum, manifest: s.Manifest}, err
}

// agrees reports whether a manifest is that of the source.
func (s Source) agrees(m plugin.Manifest) error {
	switch {
	case s.anybody:
		return nil
	case m.Name != s.Name:
		return fmt.Errorf("its manifest says that it is %q", m.Name)
	case s.Version != "" && m.Version != s.Version:
		return fmt.Errorf("its manifest says that it is version %q", m.Version)
	}
	return nil
}

// same reports whether two sources start the same.
func (s Source) same(o Source) bool {
	return (s.attachment == nil) == (o.attachment == nil) && s.Name == o.Name && s.Version == o.Version && s.Path == o.Path && s.SHA256 == o.SHA256 && strings.Join(s.Args, "\x00") == strings.Join(o.Args, "\x00")
}
