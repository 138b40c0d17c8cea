package saas_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// topFolders are the top-level folders; no others are added.
func topFolders() []string {
	return []string{"billing", "examples", "exchange", "hosts", "plugins", "saas", "strategy", "tenancy"}
}

// topFiles are the top-level files besides dotfiles.
func topFiles() []string {
	return []string{"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "go.mod", "go.sum"}
}

// maxPluginModules is how many modules a strategy author's program may draw in,
// ours included.
const maxPluginModules = 30

// burdens are what a plugin's program must not hold, directly or through
// others: it is an author's program, and a stranger to the business.
func burdens() []string {
	return []string{
		module + "/saas/...", module + "/tenancy/...", module + "/billing/...", module + "/hosts/...", module + "/exchange/luno/...",
		"database/sql", // not database/sql/driver: decimal numbers implement its two interfaces
		"github.com/uptrace/bun/...", "github.com/jackc/pgx/...", "modernc.org/...", "github.com/redis/...",
		"github.com/nats-io/...", "github.com/ThreeDotsLabs/...", "github.com/stripe/...",
		"cloud.google.com/...", "github.com/aws/...", "github.com/Azure/...", "gocloud.dev/...", "k8s.io/...",
	}
}

// templateUsers are the packages of others through which templates get into
// every gRPC program: the debugging pages of net/rpc and of grpc's tracing.
// Nobody else in a plugin's program may use one.
func templateUsers() []string {
	return []string{"golang.org/x/net/trace", "net/rpc", "html/template"}
}

func TestPluginClosure(t *testing.T) {
	t.Parallel()
	for _, problem := range checkClosure(packages(t, "-deps", "./plugins/...")) {
		t.Error(problem)
	}
}

// TestPluginClosureCatches proves that the rule can fail.
func TestPluginClosureCatches(t *testing.T) {
	t.Parallel()
	of := func(importPath string, imports ...string) pkg { return pkg{ImportPath: importPath, Imports: imports} }
	expectOne(t, checkClosure([]pkg{of("database/sql/driver"), of("net/rpc", "html/template"), of("fmt")}), "")
	expectOne(t, checkClosure([]pkg{of("database/sql")}), "database/sql")
	expectOne(t, checkClosure([]pkg{of(module + "/saas/errs")}), "saas/errs")
	expectOne(t, checkClosure([]pkg{of("cloud.google.com/go/storage")}), "cloud.google.com/go/storage")
	expectOne(t, checkClosure([]pkg{of(module+"/strategy/backtest", "html/template")}), "strategy/backtest imports html/template")
	many := make([]pkg, maxPluginModules+1)
	for i := range many {
		name := fmt.Sprintf("example.org/m%d", i)
		many[i] = pkg{ImportPath: name, Module: &struct{ Path string }{name}}
	}
	expectOne(t, checkClosure(many[:maxPluginModules]), "")
	expectOne(t, checkClosure(many), "31 modules")
}

// checkClosure returns what is wrong with the packages that the programs of the
// plugins are made of.
func checkClosure(all []pkg) (problems []string) {
	modules := map[string]bool{}
	for _, p := range all {
		if p.Module != nil {
			modules[p.Module.Path] = true
		}
		if inside(p.ImportPath, burdens()) {
			problems = append(problems, fmt.Sprintf("the plugins' programs hold %s: cut the import that leads there (go list -deps ./plugins/...)", p.ImportPath))
		}
		for _, imp := range p.Imports {
			if (imp == "html/template" || imp == "text/template") && !slices.Contains(templateUsers(), p.ImportPath) {
				problems = append(problems, fmt.Sprintf("%s imports %s and is part of the plugins' programs: move the pages into a package of their own", relative(p.ImportPath), imp))
			}
		}
	}
	if len(modules) > maxPluginModules {
		problems = append(problems, fmt.Sprintf("the plugins' programs draw in %d modules, at most %d: %s",
			len(modules), maxPluginModules, strings.Join(slices.Sorted(maps.Keys(modules)), " ")))
	}
	return problems
}

// maxTemplateLines is how long the template of strategies may be, its main
// included: what an author has to read.
const maxTemplateLines = 120

func TestTemplateIsShort(t *testing.T) {
	t.Parallel()
	lines := 0
	for _, p := range packages(t, "./plugins/basic/...") {
		for _, name := range p.GoFiles {
			raw, err := os.ReadFile(path.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(raw, []byte("\n"))
		}
	}
	if lines == 0 || lines > maxTemplateLines {
		t.Errorf("plugins/basic has %d lines, at most %d", lines, maxTemplateLines)
	}
}

func TestLayout(t *testing.T) {
	t.Parallel()
	ignore, err := os.ReadFile("../.gitignore")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range checkLayout(entries, strings.Fields(string(ignore))) {
		t.Error(problem)
	}
}

// TestLayoutCatches proves that the rule can fail.
func TestLayoutCatches(t *testing.T) {
	t.Parallel()
	dir, ignore := t.TempDir(), []string{"/lunobot-data/", "*.prof"}
	check := func(want string) {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		expectOne(t, checkLayout(entries, ignore), want)
	}
	mkdir := func(name string) {
		t.Helper()
		if err := os.Mkdir(path.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Concat(topFolders()[1:], []string{".ci", "lunobot-data"}) {
		mkdir(name)
	}
	for _, name := range slices.Concat(topFiles(), []string{"cpu.prof", ".editorconfig"}) {
		if err := os.WriteFile(path.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check("billing is missing")
	mkdir("billing")
	check("")
	mkdir("util")
	check("util")
}

// checkLayout returns what is too much or missing at the top level.
func checkLayout(entries []os.DirEntry, ignore []string) (problems []string) {
	missing := slices.Concat(topFolders(), topFiles())
	for _, e := range entries {
		ignored := slices.ContainsFunc(ignore, func(pattern string) bool {
			match, _ := path.Match(strings.Trim(pattern, "/"), e.Name())
			return match
		})
		at := slices.Index(missing, e.Name())
		switch {
		case at >= 0:
			missing = slices.Delete(missing, at, at+1)
		case !ignored && !strings.HasPrefix(e.Name(), "."):
			problems = append(problems, e.Name()+" does not belong at the top level, which is fixed: put it into the folder that owns it")
		}
	}
	for _, name := range missing {
		problems = append(problems, name+" is missing at the top level")
	}
	return problems
}

// TestSQLiteLibc compares the version of modernc.org/libc: SQLite's Go code is
// generated for exactly one, and another one corrupts memory without a word.
func TestSQLiteLibc(t *testing.T) {
	t.Parallel()
	type mod struct{ Path, Version, GoMod string }
	get := func(path string) (m mod) {
		t.Helper()
		if err := json.Unmarshal(goTool(t, "list", "-m", "-json", path), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	var sqlite struct{ Require []mod }
	if err := json.Unmarshal(goTool(t, "mod", "edit", "-json", get("modernc.org/sqlite").GoMod), &sqlite); err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(sqlite.Require, func(m mod) bool { return m.Path == "modernc.org/libc" })
	if at < 0 {
		t.Fatal("modernc.org/sqlite requires no modernc.org/libc any more: this test can go")
	}
	if have, want := get("modernc.org/libc").Version, sqlite.Require[at].Version; have != want {
		t.Errorf("go.mod has modernc.org/libc %s, and modernc.org/sqlite needs exactly %s: go get modernc.org/libc@%s", have, want, want)
	}
}
