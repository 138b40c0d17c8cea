package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"

	"github.com/lunobot/lunobot/strategy/plugin"
)

// templates are the files of a new module. In their texts stand {{name}},
// {{package}}, {{module}} and {{title}}.
//
//go:embed scaffold
var templates embed.FS

// ourModule is the module that a plugin is built with.
const ourModule = "github.com/lunobot/lunobot"

// pluginNewCommand begins a strategy.
type pluginNewCommand struct {
	Name    string `arg:"" placeholder:"NAME" help:"The strategy's name: lower-case letters, digits and dashes. With a path before it, the folder to make."`
	Dir     string `placeholder:"FOLDER" help:"The folder to make. Default: NAME."`
	Module  string `placeholder:"PATH" help:"The module's path. Default: example.com/NAME."`
	Replace string `placeholder:"FOLDER" help:"A checkout of Lunobot to build with. Default: the one around the working directory; without any, the release that this program is of."`
}

// Run writes the module and completes its requirements.
func (n pluginNewCommand) Run(ctx context.Context, c *console) error {
	m, err := n.module(c.bundle)
	if err != nil {
		return err
	}
	if err := m.write(); err != nil {
		return err
	}
	if err := m.complete(ctx); err != nil {
		return fmt.Errorf("%s is written, but its requirements could not be completed; run go mod tidy there: %w", m.dir, err)
	}
	fmt.Fprintf(c.out, `%s is a strategy now. What next:

  cd %s
  go test ./...
  go build -o bin/%s . && bin/%s -describe

Its idea is in %s/%s.go.
`, m.name, m.dir, m.name, m.name, m.pkg, m.pkg)
	return nil
}

// newModule is a module that is about to be written.
type newModule struct {
	name, pkg, title string
	dir, path        string
	// checkout is the folder of our module to build with; "" is the release.
	checkout, version string
}

// The forms of names and of module paths.
var (
	pluginName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	modulePath = regexp.MustCompile(`^[A-Za-z0-9_~-][A-Za-z0-9._~-]*(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)
)

// module checks the flags; the error names all that is wrong with them.
func (n pluginNewCommand) module(bundle plugin.Bundle) (*newModule, error) {
	m := &newModule{name: filepath.Base(n.Name), dir: n.Dir, path: n.Module}
	var problems []string
	if m.dir == "" {
		m.dir = n.Name
	} else if m.name != n.Name {
		problems = append(problems, "give the folder with --dir or before the name, and not both")
	}
	m.pkg = strings.ReplaceAll(m.name, "-", "")
	m.title = string(unicode.ToUpper(rune(m.name[0]))) + strings.ReplaceAll(m.name[1:], "-", " ")
	_, bundled := bundle.Definition(m.name)
	switch {
	case !pluginName.MatchString(m.name):
		problems = append(problems, fmt.Sprintf("the name %q must be lower-case letters, digits and dashes, and begin with a letter", m.name))
	case bundled:
		problems = append(problems, fmt.Sprintf("%q is a strategy that Lunobot contains; choose another name", m.name))
	case token.IsKeyword(m.pkg) || slices.Contains(takenPackages(), m.pkg):
		problems = append(problems, fmt.Sprintf("a Go package cannot be called %q, or not beside those that a strategy imports; choose another name", m.pkg))
	}
	if m.path == "" {
		m.path = "example.com/" + m.name
	}
	if !modulePath.MatchString(m.path) || m.path == ourModule || strings.HasPrefix(m.path, ourModule+"/") {
		problems = append(problems, fmt.Sprintf("--module %q must be a module's path of your own, such as github.com/you/%s", m.path, m.name))
	}
	if entries, err := os.ReadDir(m.dir); err == nil && len(entries) > 0 {
		problems = append(problems, fmt.Sprintf("%s is there already and not empty; nothing in it was touched", m.dir))
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		problems = append(problems, fmt.Sprintf("%s cannot be a folder: %v", m.dir, err))
	}
	if err := m.base(n.Replace); err != nil {
		problems = append(problems, err.Error())
	}
	if len(problems) > 0 {
		return nil, input("%s", strings.Join(problems, "; "))
	}
	return m, nil
}

// takenPackages are names that the new module's files use for something else.
func takenPackages() []string {
	return []string{"exchange", "indicator", "internal", "main", "plugin", "strategy", "strategytest", "strings", "testdata", "testing", "vendor"}
}

// base finds what the module is built with.
func (m *newModule) base(replace string) error {
	if replace != "" {
		folder, err := filepath.Abs(replace)
		if err != nil {
			return fmt.Errorf("--replace %s: %w", replace, err)
		}
		if !isOurs(folder) {
			return fmt.Errorf("--replace %s is no checkout of Lunobot: there is no go.mod of %s in it", replace, ourModule)
		}
		m.checkout = folder
		return nil
	}
	folder, err := os.Getwd()
	for ; err == nil && !isOurs(folder); folder = filepath.Dir(folder) {
		if folder == filepath.Dir(folder) {
			return m.release()
		}
	}
	m.checkout = folder
	return err
}

// release builds with the release that this program is of.
func (m *newModule) release() error {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != ourModule || info.Main.Version == "" || info.Main.Version == "(devel)" || strings.Contains(info.Main.Version, "+dirty") {
		return errors.New("this program is of no release: give a checkout of Lunobot with --replace FOLDER")
	}
	m.version = info.Main.Version
	return nil
}

// isOurs reports whether a folder is a checkout of our module.
func isOurs(folder string) bool {
	raw, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	return err == nil && slices.Contains(strings.Fields(strings.SplitN(string(raw), "\n", 2)[0]), ourModule)
}

// write writes all files; what it has begun it takes back if it cannot end.
func (m *newModule) write() (err error) {
	had := true
	if _, err := os.Stat(m.dir); err != nil {
		had = false
	}
	defer func() {
		if err != nil && !had {
			_ = os.RemoveAll(m.dir)
		}
	}()
	files, err := m.files()
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(m.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a source folder, for its user to share
			return fmt.Errorf("making %s: %w", filepath.Dir(path), err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // source code, for its user to share
			return fmt.Errorf("writing %s: %w", path, err)
		}
	}
	return nil
}

// files returns the module's files by name.
func (m *newModule) files() (map[string][]byte, error) {
	texts := strings.NewReplacer("{{name}}", m.name, "{{package}}", m.pkg, "{{module}}", m.path, "{{title}}", m.title)
	out := map[string][]byte{}
	for to, from := range map[string]string{
		".gitignore": "gitignore.txt", "README.md": "README.md.txt", "main.go": "main.go.txt", m.pkg + "/" + m.pkg + ".go": "strategy.go.txt",
		m.pkg + "/" + m.pkg + "_test.go": "strategy_test.go.txt", m.pkg + "/testdata/demo.golden": "demo.golden",
	} {
		raw, err := templates.ReadFile("scaffold/" + from)
		if err != nil {
			return nil, fmt.Errorf("reading the template: %w", err)
		}
		out[to] = []byte(texts.Replace(string(raw)))
	}
	if m.checkout == "" {
		out["go.mod"] = fmt.Appendf(nil, "module %s\n\ngo %s\n\nrequire %s %s\n", m.path, goVersion(), ourModule, m.version)
		return out, nil
	}
	out["go.mod"] = fmt.Appendf(nil, "module %s\n\ngo %s\n\nrequire %s v0.0.0\n\nreplace %s => %s\n", m.path, goVersion(), ourModule, ourModule, quotePath(m.checkout))
	sums, err := os.ReadFile(filepath.Join(m.checkout, "go.sum"))
	if err != nil {
		return nil, fmt.Errorf("reading the checkout's go.sum: %w", err)
	}
	out["go.sum"] = sums // so that what the checkout has verified needs no network
	return out, nil
}

// quotePath writes a path for go.mod.
func quotePath(path string) string {
	if strings.ContainsAny(path, " \t\"'`()[]{},") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`
	}
	return path
}

// goVersion is the version of Go that this program was built with.
func goVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		if version, ok := strings.CutPrefix(info.GoVersion, "go"); ok {
			return strings.Fields(version)[0]
		}
	}
	return "1.26"
}

// complete lets the go command write down what the module requires. It takes the
// modules that are there already, and needs the network for others only.
func (m *newModule) complete(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-mod=mod", "-deps", "-test", "./...")
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(problems.String()))
	}
	return nil
}
