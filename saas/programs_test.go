package saas_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// programs are what the tests of this package start; each is built once for all
// of them.
type programs struct {
	mu    sync.Mutex
	dir   string
	built map[string]func() (string, error)
}

//nolint:gochecknoglobals // every test of the package must reach the same ones
var shared programs

// build builds a program with go build's arguments, the package last, and returns
// the path of the binary.
func (p *programs) build(t *testing.T, args ...string) string {
	t.Helper()
	key := strings.Join(args, " ")
	p.mu.Lock()
	get, ok := p.built[key]
	if !ok {
		if p.built == nil {
			p.built = map[string]func() (string, error){}
		}
		name := fmt.Sprintf("%s-%d", filepath.Base(args[len(args)-1]), len(p.built))
		get = sync.OnceValues(func() (string, error) { return p.make(name, args) })
		p.built[key] = get
	}
	p.mu.Unlock()
	path, err := get()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (p *programs) make(name string, args []string) (string, error) {
	p.mu.Lock()
	if p.dir == "" {
		dir, err := os.MkdirTemp("", "lunobot-programs-")
		if err != nil {
			p.mu.Unlock()
			return "", err
		}
		p.dir = dir
	}
	path := filepath.Join(p.dir, name)
	p.mu.Unlock()
	out, err := exec.Command("go", append([]string{"build", "-o", path}, args...)...).CombinedOutput() //nolint:noctx // it outlives the test that asks first
	if err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", args[len(args)-1], err, out)
	}
	return path, nil
}

// remove removes the binaries.
func (p *programs) remove() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dir == "" {
		return nil
	}
	return os.RemoveAll(p.dir)
}
