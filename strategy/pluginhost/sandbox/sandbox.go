package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Policy says what happens where the system cannot shut a program in wholly.
type Policy string

// The policies.
const (
	// Require starts nothing without the whole sandbox.
	Require Policy = "require"
	// Prefer takes what there is and warns of what is missing.
	Prefer Policy = "prefer"
	// Off starts programs as they are, for debugging one's own.
	Off Policy = "off"
)

// ParsePolicy reads a policy; "" is Prefer.
func ParsePolicy(text string) (Policy, error) {
	switch p := Policy(text); p {
	case "":
		return Prefer, nil
	case Require, Prefer, Off:
		return p, nil
	}
	return "", fmt.Errorf("the sandbox policy %q must be %s, %s or %s", text, Require, Prefer, Off)
}

// Limits bound what a program may use. It may make files, such as sockets, but write nothing
// into one.
type Limits struct {
	// Files is how many descriptors it may have open. Defaults to 64.
	Files int64 `json:"files"`
	// Memory is how much it may allocate, in bytes. Defaults to 512 MiB.
	Memory int64 `json:"memory"`
	// Threads is how many threads it may have. Defaults to 128.
	Threads int64 `json:"threads"`
}

// WithDefaults returns the limits with those that are 0 set to their defaults.
func (l Limits) WithDefaults() Limits {
	set := func(n *int64, def int64) {
		if *n == 0 {
			*n = def
		}
	}
	set(&l.Files, 64)
	set(&l.Memory, 512<<20)
	set(&l.Threads, 128)
	return l
}

// Validate names every limit that makes no sense.
func (l Limits) Validate() error {
	var problems []error
	for name, bound := range map[string][2]int64{
		"Files": {l.Files, 16}, "Memory": {l.Memory, 64 << 20}, "Threads": {l.Threads, 16},
	} {
		if bound[0] < bound[1] {
			problems = append(problems, fmt.Errorf("the limit %s must be at least %d", name, bound[1]))
		}
	}
	return errors.Join(problems...)
}

// Spec is a program that is to be run.
type Spec struct {
	// Program is the file, which the caller has checked and nobody can change:
	// sealed memory from Seal, or the program that is running. It stays the
	// caller's.
	Program *os.File
	// Sealed is true if Program is from Seal.
	Sealed bool
	// Args are its arguments, without its name.
	Args []string
	// Directory is the only one that it may read and write.
	Directory string
	// Inherit are files that it gets as descriptors from FirstInherited on; nil
	// for none.
	Inherit [Inherited]*os.File
	// Limits bound it.
	Limits Limits
}

// Status is how well the system can shut a program in.
type Status struct {
	// Active are the parts that there are: "namespaces", "landlock", "seccomp", and what
	// the host adds.
	Active []string
	// Missing are the parts that it lacks, as words for the log; none if the
	// sandbox is whole.
	Missing []string

	namespaces bool
}

// Whole reports whether nothing is missing.
func (s Status) Whole() bool { return len(s.Missing) == 0 }

// String returns a few words for the log.
func (s Status) String() string {
	if s.Whole() {
		return "whole"
	}
	return "without " + strings.Join(s.Missing, ", ")
}

// Shim starts programs in the sandbox. The zero value is none: its Probe says
// that everything is missing.
type Shim struct{ path string }

// Available reports whether this program offers the shim.
func (s Shim) Available() bool { return s.path != "" }

// noShim are the words for a program that does not offer the shim.
const noShim = "a main function that begins with sandbox.Serve"

// ExitRefused is the exit code of a shim that could not shut itself in.
const ExitRefused = 125

// argument is how this program knows that it is the shim.
const argument = "plugin-sandbox"

// variable is the variable of the environment that carries the orders.
const variable = "LUNOBOT_SANDBOX"

// A program may inherit so many files, the first of them after its standard input
// and outputs.
const (
	FirstInherited = 3
	Inherited      = 2
)

// programDescriptor is where the shim finds the program.
const programDescriptor = FirstInherited + Inherited

// orders are what the shim does.
type orders struct {
	Probe     bool     `json:"probe"`
	Args      []string `json:"args"`
	Directory string   `json:"directory"`
	Limits    Limits   `json:"limits"`
	Sealed    bool     `json:"sealed"`
	// Landlock and Seccomp are false where the system lacks them.
	Landlock bool `json:"landlock"`
	Seccomp  bool `json:"seccomp"`
	// Namespaces is true if the process has its own.
	Namespaces bool `json:"namespaces"`
}

// found is what a probe found.
type found struct {
	Landlock bool `json:"landlock"`
	Seccomp  bool `json:"seccomp"`
}
