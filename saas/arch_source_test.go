package saas_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// size bounds the lines of Go files, tests not counted.
type size struct {
	in   string // pattern of packages
	file string // the name of the one file that counts; all when empty
	each bool   // bounds each package by itself, not all together
	max  int
	why  string
}

func sizes() []size {
	return []size{
		{"hosts/...", "main.go", true, 60, "a host only configures package saas: move the rest to hosts/internal/boot"},
		{"plugins/basic/...", "", false, 120, "the template that authors copy stays short: move what others need to the strategy packages"},
		{"examples/embed", "", false, 60, "embedding must stay easy: simplify saas.Config"},
	}
}

// timeless are the packages whose clock and randomness are injected, so that
// tests and backtests own them.
func timeless(p string) bool {
	return inside(p, []string{"strategy/...", "exchange/paper", "billing/...", "tenancy/..."}) &&
		!inside(p, []string{"strategy/pluginhost/...", "strategy/strategytest"}) // start processes, wait for them in real time
}

// source is one Go file that is not a test.
type source struct {
	pkg  string // path inside the module
	name string
	fset *token.FileSet
	file *ast.File
}

func TestSource(t *testing.T) {
	t.Parallel()
	var all []source
	for _, p := range packages(t, "./...") {
		fset, documented := token.NewFileSet(), false
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Error(err)
				continue
			}
			documented = documented || f.Doc != nil
			all = append(all, source{p.path(), name, fset, f})
		}
		if !documented {
			t.Errorf("%s has no package comment: write a doc.go that says what it owns, what it does not own, and its smallest use", p.path())
		}
	}
	for _, problem := range slices.Concat(checkSizes(all), checkSources(all)) {
		t.Error(problem)
	}
}

// TestSourceRulesCatch proves that the rules can fail.
func TestSourceRulesCatch(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, pkg, code string
		want            string // part of the one problem; empty for none
	}{
		{"clean", "billing", "// F does.\nfunc F() {}\n", ""},
		{"init", "billing", "func init() {}\n", "init function"},
		{"method called init", "billing", "type t struct{}\nfunc (t) init() {}\n", ""},
		{"global", "billing", "var cache = map[string]int{}\n", "variable cache"},
		{"global with a reason", "billing", "var table = []int{1} //nolint:gochecknoglobals // immutable table\n", ""},
		{"global with a reason above", "billing", "//nolint:gochecknoglobals // immutable tables\nvar (\n\ta = []int{1}\n\tb = []int{2}\n)\n", ""},
		{"global without a reason", "billing", "var table = []int{1} //nolint:gochecknoglobals\n", "variable table"},
		{"sentinel", "billing", "// ErrX is.\nvar ErrX = New()\n", ""},
		{"pattern", "billing", "var digits = regexp.MustCompile(`[0-9]`)\n", ""},
		{"embedded", "billing", "//go:embed x\nvar files string\n", ""},
		{"guard", "billing", "var _ I = (*t)(nil)\n", ""},
		{"generated", "billing", "var cache = map[string]int{}\nfunc init() {}\nfunc F() {}\n", ""},
		{"bare function", "saas/bot", "func F() {}\n", "F has no comment"},
		{"bare method", "saas/bot", "// T is.\ntype T struct{}\nfunc (t *T) M() {}\n", "T.M has no comment"},
		{"method of a hidden type", "saas/bot", "type t struct{}\nfunc (t) M() {}\n", ""},
		{"bare type", "saas/bot", "type T int\n", "T has no comment"},
		{"constants of a commented group", "saas/bot", "// The kinds.\nconst (\n\tA = 1\n\tB = 2\n)\n", ""},
		{"bare constant of a group", "saas/bot", "const (\n\tA = 1 // a\n\tB = 2\n)\n", "B has no comment"},
		{"clock read", "tenancy", "import \"time\"\nfunc f() { _ = time.Now() }\n", "time.Now"},
		{"clock read by another name", "tenancy", "import \"time\"\nfunc f(t time.Time) { _ = time.Since(t) }\n", "time.Since"},
		{"clock as a default", "tenancy", "import \"time\"\nfunc (c *t) f() { c.Now = time.Now }\n", ""},
		{"clock elsewhere", "saas/bot", "import \"time\"\nfunc f() { _ = time.Now() }\n", ""},
		{"chance", "strategy/engine", "import \"math/rand/v2\"\nfunc f() { _ = rand.IntN(2) }\n", "rand.IntN"},
		{"seeded chance", "exchange/paper", "import \"math/rand/v2\"\nfunc f() { _ = rand.New(rand.NewPCG(1, 2)) }\n", ""},
		{"randomness read", "billing", "import \"crypto/rand\"\nfunc f(b []byte) { rand.Read(b) }\n", "rand.Read"},
		{"randomness as a default", "billing", "import \"crypto/rand\"\nfunc (c *t) f() { c.Rand = rand.Reader }\n", ""},
		{"a client that serves", "exchange/luno", "import \"net/http\"\nfunc f() { _ = http.NewServeMux() }\n", "http.NewServeMux"},
		{"a client", "exchange/luno", "import \"net/http\"\nfunc f() { _ = http.Client{} }\n", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			head := "package x\n"
			if c.name == "generated" {
				head = "// Code generated by a test. DO NOT EDIT.\n" + head
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, "x.go", head+c.code, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			expectOne(t, checkSources([]source{{c.pkg, "x.go", fset, f}}), c.want)
		})
	}
}

// TestSizesCatch proves that the bound on lines can fail.
func TestSizesCatch(t *testing.T) {
	t.Parallel()
	long := func(pkg string) source {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "main.go", "package main\n"+strings.Repeat("\n", 60), parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		return source{pkg, "main.go", fset, f}
	}
	expectOne(t, checkSizes([]source{long("hosts/server")}), "hosts/server has 61 lines")
	expectOne(t, checkSizes([]source{long("saas/bot")}), "")
	expectOne(t, checkSizes([]source{long("hosts/server"), long("plugins/basic"), long("plugins/other")}), "hosts/server has")
	expectOne(t, checkSizes([]source{long("plugins/basic/basic"), long("plugins/basic"), long("plugins/other")}), "plugins/basic/... has 122 lines")
}

// checkSources returns what breaks the rules of one file.
func checkSources(all []source) (problems []string) {
	for _, s := range all {
		if ast.IsGenerated(s.file) {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				problems = append(problems, s.function(d)...)
			case *ast.GenDecl:
				problems = append(problems, s.group(d)...)
			}
		}
		problems = append(problems, s.calls()...)
	}
	return problems
}

// function checks one function or method.
func (s source) function(d *ast.FuncDecl) []string {
	if d.Recv == nil && d.Name.Name == "init" {
		return s.problem(d, "an init function runs behind everybody's back: do it in a New")
	}
	name := d.Name.Name
	if d.Recv != nil {
		of := receiver(d.Recv.List[0].Type)
		if !ast.IsExported(of) {
			return nil
		}
		name = of + "." + name
	}
	if d.Name.IsExported() && d.Doc == nil {
		return s.problem(d, "%s has no comment: say what it means, its units, and the kind of its errors", name)
	}
	return nil
}

// group checks one declaration of types, constants or variables.
func (s source) group(d *ast.GenDecl) (problems []string) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && spec.Doc == nil && d.Doc == nil {
				problems = append(problems, s.problem(spec, "%s has no comment", spec.Name)...)
			}
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if name.IsExported() && spec.Doc == nil && spec.Comment == nil && d.Doc == nil {
					problems = append(problems, s.problem(name, "%s has no comment", name)...)
				}
				if d.Tok == token.VAR && !harmless(spec, d.Doc) {
					problems = append(problems, s.problem(name, "the package variable %s is state that everybody shares: put it into a struct, "+
						"make it a function, or, for an immutable table, add //nolint:gochecknoglobals with the reason", name)...)
				}
			}
		}
	}
	return problems
}

// calls checks what a file takes from the clock, from chance and from the HTTP
// server.
func (s source) calls() (problems []string) {
	paths := map[string]string{} // by the name in this file
	for _, imp := range s.file.Imports {
		p := strings.Trim(imp.Path.Value, `"`)
		name := strings.TrimSuffix(path.Base(strings.TrimSuffix(p, "/v2")), ".go")
		if imp.Name != nil {
			name = imp.Name.Name
		}
		paths[name] = p
	}
	defaults := map[ast.Expr]bool{} // the right sides of c.Now = time.Now
	ast.Inspect(s.file, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 1 && len(a.Rhs) == 1 {
			if _, field := a.Lhs[0].(*ast.SelectorExpr); field {
				defaults[a.Rhs[0]] = true
			}
		}
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		if advice := forbidden(s.pkg, paths[x.Name], sel.Sel.Name); advice != "" && !defaults[sel] {
			problems = append(problems, s.problem(sel, "%s.%s: %s", x.Name, sel.Sel.Name, advice)...)
		}
		return true
	})
	return problems
}

// forbidden says what to do instead of a name of another package; it is empty
// where the name may be used.
func forbidden(pkg, imported, name string) string {
	switch {
	case timeless(pkg) && imported == "time" && slices.Contains([]string{"Now", "Since", "Until"}, name):
		return "take the time from the Now of the Config; time.Now stands only in its default"
	case timeless(pkg) && imported == "crypto/rand":
		return "take randomness from the Rand of the Config; rand.Reader stands only in its default"
	case timeless(pkg) && strings.HasPrefix(imported, "math/rand") && !slices.Contains([]string{"New", "NewPCG", "PCG", "Rand", "Source"}, name):
		return "draw from a generator that the Config or a seed gave"
	case imported == "net/http" && inside(pkg, httpClients()) && slices.Contains([]string{
		"Server", "ServeMux", "NewServeMux", "Handler", "HandlerFunc", "Handle", "HandleFunc", "ResponseWriter", "ListenAndServe", "ListenAndServeTLS", "Serve",
	}, name):
		return "this package is an HTTP client; servers live in saas/api and saas/web"
	}
	return ""
}

func (s source) problem(n ast.Node, format string, args ...any) []string {
	at := fmt.Sprintf("%s/%s:%d: ", s.pkg, s.name, s.fset.Position(n.Pos()).Line)
	return []string{at + fmt.Sprintf(format, args...)}
}

// harmless says whether package variables are a compile-time guard, a sentinel
// error, a compiled pattern, an embedded file, or state their reason.
func harmless(spec *ast.ValueSpec, group *ast.CommentGroup) bool {
	if name := spec.Names[0].Name; name == "_" || strings.HasPrefix(strings.ToLower(name), "err") {
		return true
	}
	if len(spec.Values) == 1 {
		if call, ok := spec.Values[0].(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "MustCompile" {
				return true
			}
		}
	}
	for _, group := range []*ast.CommentGroup{group, spec.Doc, spec.Comment} {
		if group == nil {
			continue
		}
		for _, c := range group.List {
			reason, excused := strings.CutPrefix(c.Text, "//nolint:gochecknoglobals // ")
			if excused && reason != "" || strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// checkSizes returns the packages that are too long.
func checkSizes(all []source) (problems []string) {
	for _, limit := range sizes() {
		lines := map[string]int{}
		for _, s := range all {
			if !inside(s.pkg, []string{limit.in}) || limit.file != "" && limit.file != s.name {
				continue
			}
			key := limit.in
			if limit.each {
				key = s.pkg
			}
			lines[key] += s.fset.File(s.file.FileStart).LineCount()
		}
		for _, key := range slices.Sorted(maps.Keys(lines)) {
			if lines[key] > limit.max {
				problems = append(problems, fmt.Sprintf("%s has %d lines, at most %d: %s", key, lines[key], limit.max, limit.why))
			}
		}
	}
	return problems
}
