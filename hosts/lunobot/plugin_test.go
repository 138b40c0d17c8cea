package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/strategy/strategytest"
)

// goldenFile is the template of a new module's golden file. With
// STRATEGYTEST_UPDATE=1 in the environment the module's own is put in its place.
const goldenFile = "scaffold/demo.golden"

// checkout is this repository.
func checkout(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// goIn runs the go command in a module of an author's.
func goIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestNewPluginBuildsAndPassesItsTests(t *testing.T) {
	t.Setenv("GOFLAGS", "")
	parent := t.TempDir()
	dir := filepath.Join(parent, "my-idea")
	a := command(t, parent, "plugin", "new", "my-idea", "--module", "example.org/me/ideas", "--replace", checkout(t))
	if a.code != 0 || !strings.Contains(a.out, "cd my-idea") {
		t.Fatalf("exit code %d: %s%s", a.code, a.out, a.problems)
	}
	goIn(t, dir, "vet", "./...")
	goIn(t, dir, "test", "./...")
	if os.Getenv("STRATEGYTEST_UPDATE") != "" {
		raw, err := os.ReadFile(filepath.Join(dir, "myidea", "testdata", "demo.golden"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(goldenFile, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "gofmt", "-l", dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("not formatted: %s, %v", out, err)
	}
	goIn(t, dir, "build", "-o", "bin/my-idea", ".")
	file := filepath.Join(dir, "bin", "my-idea")
	out, err := exec.CommandContext(t.Context(), file, "-describe").Output()
	var manifest struct {
		Name   string `json:"name"`
		Title  string `json:"title"`
		Schema struct {
			Fields []struct {
				Name string `json:"name"`
			} `json:"fields"`
		} `json:"schema"`
	}
	if err != nil || json.Unmarshal(out, &manifest) != nil || manifest.Name != "my-idea" || manifest.Title != "My idea" || len(manifest.Schema.Fields) != 3 {
		t.Errorf("it describes itself as %s, %v", out, err)
	}
	modules := strings.Fields(goIn(t, dir, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "."))
	slices.Sort(modules)
	if modules = slices.Compact(modules); len(modules) > 30 || len(modules) < 5 {
		t.Errorf("it draws in %d modules, want at most 30: %v", len(modules), modules)
	}
	a = command(t, parent, "backtest", "--plugin", file, "--from", "2025-12-31", "--to", "2026-01-01", "--param", "length=50")
	if a.code != 0 || !strings.Contains(a.out, "My idea") {
		t.Errorf("its backtest ended with code %d: %s%s", a.code, a.out, a.problems)
	}
	a = command(t, parent, "plugin", "check", file)
	if a.code != 0 || !strings.Contains(a.out, "All 13 checks passed.") || strings.Contains(a.out, "✗") {
		t.Errorf("its check ended with code %d:\n%s%s", a.code, a.out, a.problems)
	}

	before, err := os.ReadFile(filepath.Join(dir, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	a = command(t, parent, "plugin", "new", "my-idea", "--replace", checkout(t))
	if after, err := os.ReadFile(filepath.Join(dir, "main.go")); a.code != 2 || !strings.Contains(a.problems, "nothing in it was touched") || err != nil || string(after) != string(before) {
		t.Errorf("over a folder that is there it ends with %d: %s", a.code, a.problems)
	}
}

func TestNamesOfNewPluginsAreChecked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"capitals":           {[]string{"MyIdea"}, []string{`"MyIdea"`, "lower-case"}},
		"a digit in front":   {[]string{"1st"}, []string{`"1st"`, "begin with a letter"}},
		"a bundled strategy": {[]string{"basic"}, []string{`"basic" is a strategy that Lunobot contains`}},
		"a keyword of Go":    {[]string{"select"}, []string{`"select"`}},
		"a package's name":   {[]string{"strategy"}, []string{`"strategy"`}},
		"a file in the way":  {[]string{"file"}, []string{"file cannot be a folder"}},
		"all that is wrong":  {[]string{"X", "--module", "a b", "--replace", dir}, []string{`"X"`, `--module "a b"`, "is no checkout of Lunobot"}},
		"our own module":     {[]string{"x", "--module", "github.com/lunobot/lunobot/plugins/x"}, []string{"of your own"}},
		"no checkout":        {[]string{"x"}, []string{"--replace FOLDER"}},
		"two folders":        {[]string{"a/x", "--dir", "b"}, []string{"not both"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := command(t, dir, append([]string{"plugin", "new"}, c.args...)...)
			if a.code != 2 {
				t.Errorf("exit code %d, want 2: %s", a.code, a.problems)
			}
			for _, want := range c.want {
				if !strings.Contains(a.problems, want) {
					t.Errorf("it says %q, want %q", a.problems, want)
				}
			}
		})
	}
	t.Cleanup(func() {
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
			t.Errorf("it has made %v", left)
		}
	})
}

func TestPluginCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	basic := strategytest.Build(t, "./plugins/basic")
	a := command(t, dir, "plugin", "check", basic, "--json")
	var v struct {
		Name, SHA256 string
		Passed       bool
		Checks       []struct {
			Name   string
			Passed bool
			Note   string
		}
	}
	if err := json.Unmarshal([]byte(a.out), &v); err != nil || a.code != 0 || !v.Passed || v.Name != "basic" || len(v.SHA256) != 64 || len(v.Checks) != 13 {
		t.Errorf("code %d, %v:\n%s%s", a.code, err, a.out, a.problems)
	}
	for _, c := range v.Checks {
		if !c.Passed || c.Note == "" {
			t.Errorf("%+v", c)
		}
	}
	bad := strategytest.Build(t, "./strategy/strategytest/testdata/careless")
	a = command(t, dir, "plugin", "check", bad)
	for _, want := range []string{"careless 1.0.0", "SHA-256 ", "✓ manifest", "✗ market waves", "chance", "✗ hostile parameters", "✗ strange states", "✗ backtest", "6 of 13"} {
		if a.code != 1 || !strings.Contains(a.out+a.problems, want) {
			t.Errorf("code %d, want %q in\n%s%s", a.code, want, a.out, a.problems)
		}
	}
	a = command(t, dir, "plugin", "check", binary, "--json") // a program that is no plugin
	if a.code != 1 || !strings.Contains(a.out, `"passed": false`) || !strings.Contains(a.out, "it ended before it served") {
		t.Errorf("what is no plugin gave code %d: %s%s", a.code, a.out, a.problems)
	}
	for _, args := range [][]string{{"nowhere"}, {dir}, {}} {
		if a := command(t, dir, append([]string{"plugin", "check"}, args...)...); a.code != 2 {
			t.Errorf("%v gave code %d: %s", args, a.code, a.problems)
		}
	}
}
