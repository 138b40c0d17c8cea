package saas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// module is our own import path; paths below are relative to it.
const module = "github.com/lunobot/lunobot"

// row is one line of the import table: what a package of ours may import of
// ours. A pattern that ends in "/..." means the folder and all below it.
// Besides, a package may import what lies beside it under one internal folder,
// and a plugin or an example what lies in its own folder.
type row struct {
	path string
	may  []string
}

// importTable is the architecture. A better cut is welcome: change the table,
// and say why in CHANGELOG.md.
func importTable() []row {
	kernel := []string{"saas/errs", "saas/event", "saas/page"} // words that every package of the business world shares
	with := func(more ...string) []string { return slices.Concat(kernel, more) }
	return []row{
		// The trading world: knows no tenant, no SQL, no plan.
		{"exchange", nil},
		{"exchange/exchangetest", []string{"exchange"}},
		{"exchange/luno", []string{"exchange"}},
		{"exchange/luno/lunostream", []string{"exchange", "exchange/luno", "exchange/marketdata"}},
		{"exchange/lunosim", []string{"exchange", "exchange/paper"}},
		{"exchange/marketdata", []string{"exchange"}},
		{"exchange/marketdata/archive", []string{"exchange", "exchange/marketdata"}},
		{"exchange/marketdata/demo", []string{"exchange", "exchange/marketdata"}},
		{"exchange/paper", []string{"exchange"}},
		{"strategy", []string{"exchange", "strategy/param"}},
		{"strategy/backtest", []string{
			"exchange", "exchange/marketdata", "exchange/paper", "strategy", "strategy/engine", "strategy/param", "strategy/perf",
			"strategy/portfolio", "strategy/risk",
		}},
		{"strategy/backtest/backtestreport", []string{
			"exchange", "exchange/marketdata", "strategy", "strategy/backtest", "strategy/backtest/lookahead", "strategy/backtest/search", "strategy/param", "strategy/perf",
			"strategy/portfolio",
		}},
		{"strategy/backtest/lookahead", []string{"exchange", "exchange/marketdata", "exchange/paper", "strategy", "strategy/backtest", "strategy/engine"}},
		{"strategy/backtest/parity", []string{
			"exchange", "exchange/paper", "strategy", "strategy/engine", "strategy/engine/remote", "strategy/portfolio", "strategy/risk",
		}},
		{"strategy/backtest/search", []string{
			"exchange", "exchange/marketdata", "strategy", "strategy/backtest", "strategy/param", "strategy/perf", "strategy/portfolio",
		}},
		{"strategy/engine", []string{"exchange", "strategy", "strategy/portfolio", "strategy/risk"}},
		{"strategy/engine/remote", []string{"exchange", "strategy/engine"}},
		{"strategy/indicator", []string{"exchange"}},
		{"strategy/param", nil},
		{"strategy/perf", []string{"exchange", "strategy/portfolio"}},
		{"strategy/plugin", []string{
			"exchange", "exchange/marketdata", "strategy", "strategy/backtest", "strategy/param", "strategy/portfolio",
		}},
		{"strategy/pluginhost/sandbox", nil},
		{"strategy/pluginhost", []string{
			"strategy/pluginhost/sandbox",
			"exchange", "exchange/marketdata", "strategy", "strategy/backtest", "strategy/param", "strategy/plugin", "strategy/portfolio",
		}},
		{"strategy/portfolio", []string{"exchange"}},
		{"strategy/risk", []string{"exchange", "strategy", "strategy/portfolio"}},
		{"strategy/strategytest/machine", nil}, // what tests of every package need of the machine
		{"strategy/strategytest/...", []string{"exchange/...", "strategy/..."}},

		// The business world: knows no order.
		{"tenancy", kernel},
		{"tenancy/audit", with("tenancy")},
		{"tenancy/tenancydb", with("saas/db", "tenancy", "tenancy/audit", "tenancy/vault")},
		{"tenancy/tenancytest", with("tenancy", "tenancy/audit", "tenancy/vault")},
		{"tenancy/vault", with("tenancy")},
		{"billing", with("exchange", "tenancy")},
		{"billing/billingdb", with("billing", "saas/db")},
		{"billing/billingtest", with("billing", "billing/offline")},
		{"billing/offline", with("billing")},
		{"billing/stripe", with("billing")},

		// The kernel: lies under saas only because the top level is fixed.
		{"saas/errs", nil},
		{"saas/event", nil},
		{"saas/page", nil},
		{"saas/db", []string{"saas/errs"}},
		{"saas/db/dbtest", []string{"saas/db", "strategy/strategytest/machine"}}, // says what a machine lacks

		// Where the worlds meet.
		{"saas/account", with("billing", "exchange", "tenancy", "tenancy/vault")},
		{"saas/backtester", with(
			"exchange", "exchange/marketdata", "exchange/paper", "saas/bot", "saas/lease", "saas/live", "saas/research",
			"strategy/backtest", "strategy/backtest/backtestreport", "strategy/backtest/lookahead", "strategy/backtest/search", "strategy/plugin",
			"strategy/pluginhost",
		)},
		{"saas/blotter", with("saas/bot", "saas/journal", "tenancy")}, // what tenants see and decide of live orders
		{"saas/ceiling", with("exchange", "tenancy")},                 // what all live bots of a tenant together may do
		{"saas/catalog", with("strategy/plugin", "strategy/pluginhost")},
		{"saas/bot", with("saas/catalog", "billing", "exchange", "saas/account", "strategy", "strategy/param", "strategy/risk", "tenancy")},
		// Needs no database: it is lent the journal. What the engine wants at an exchange it is told in the engine's words.
		{"saas/execution", with("exchange", "saas/journal", "saas/lease", "strategy/engine/remote")},
		{"saas/halt", with("tenancy")},
		{"saas/hook", with("saas/bot", "tenancy", "tenancy/vault")},
		{"saas/journal", with("exchange", "saas/bot", "strategy", "strategy/engine", "strategy/portfolio")},
		{"saas/lease", kernel},
		{"saas/live", kernel},
		{"saas/notify", kernel},
		{"saas/outbox", with("saas/db")}, // wakes the relay after a commit
		{"saas/ratelimit", kernel},
		{"saas/replay", with(
			"exchange", "exchange/marketdata", "saas/bot", "saas/catalog", "saas/journal", "strategy", "strategy/backtest/parity", "strategy/plugin",
			"strategy/pluginhost", "tenancy",
		)},
		{"saas/report", with("exchange", "saas/bot", "saas/journal", "strategy/perf", "strategy/portfolio")},
		{"saas/research", with(
			"billing", "exchange", "exchange/marketdata", "saas/bot", "saas/lease", "strategy/backtest/backtestreport", "strategy/backtest/search",
			"strategy/param", "strategy/perf", "tenancy",
		)},
		{"saas/runner", with(
			"exchange", "exchange/marketdata", "exchange/paper", "saas/account", "saas/bot", "saas/catalog", "saas/execution", "saas/halt", "saas/hook", "saas/journal",
			"saas/lease", "saas/live", "strategy", "strategy/backtest/parity", "strategy/engine", "strategy/engine/remote", "strategy/param", "strategy/perf",
			"strategy/plugin", "strategy/pluginhost", "strategy/portfolio", "strategy/risk",
		)},
		{"saas/saasdb", with(
			"exchange", "saas/account", "saas/bot", "saas/catalog", "saas/ceiling", "saas/db", "saas/halt", "saas/hook", "saas/journal", "saas/lease", "saas/notify", "saas/outbox",
			"saas/report", "saas/replay", "saas/research", "strategy/plugin", "strategy/portfolio",
		)},
		{"saas/api", with(
			"billing", "exchange", "saas/account", "saas/blotter", "saas/bot", "saas/catalog", "saas/ceiling", "saas/halt", "saas/hook", "saas/journal", "saas/live", "saas/notify", "saas/ratelimit", "saas/report",
			"saas/replay", "saas/research", "strategy/backtest/backtestreport", "strategy/backtest/search", "strategy/param", "strategy/perf", "tenancy",
		)},
		{"saas/web", with(
			"billing", "exchange", "saas/account", "saas/blotter", "saas/bot", "saas/catalog", "saas/ceiling", "saas/halt", "saas/hook", "saas/journal", "saas/live", "saas/notify", "saas/ratelimit", "saas/report",
			"saas/replay", "saas/research", "strategy/backtest/backtestreport", "strategy/backtest/search", "strategy/param", "strategy/perf", "tenancy",
		)},

		{"saas/saastest", nil}, // runs the program and calls its API: it knows neither
		{"saas/web/webtest", []string{"strategy/strategytest/machine"}}, // says what a machine lacks

		// The composition root: not exchange/luno nor billing/stripe, which
		// hosts choose, and no bundled strategy.
		{"saas", []string{
			"billing", "billing/billingdb", "billing/offline", "exchange", "exchange/marketdata/...", "exchange/paper", "saas/...",
			"strategy/...", "tenancy/...",
		}},

		// The programs.
		{"hosts/...", []string{
			"billing/...", "exchange/...", "hosts/internal/...", "plugins/...", "saas/...", "strategy/...", "tenancy/...",
		}},
		{"plugins/...", []string{"exchange", "strategy", "strategy/indicator", "strategy/param", "strategy/plugin"}},
		{"examples/...", []string{"billing/...", "exchange/...", "plugins/...", "saas/...", "strategy/...", "tenancy/..."}},
	}
}

// fence keeps an import inside some packages.
type fence struct {
	imports string   // an import path; with "/..." also all below it
	in      []string // patterns of our packages that may have it
	why     string
}

// fences lists the imports from outside that have a home.
func fences() []fence {
	stores := []string{"saas/db/...", "billing/billingdb", "saas/saasdb", "tenancy/tenancydb"}
	plugins := []string{"strategy/plugin/...", "strategy/pluginhost/...", "strategy/strategytest"}
	events := []string{"saas/live", "saas/outbox"}
	pages := []string{"saas/api", "saas/notify", "saas/web", "strategy/backtest/backtestreport", "exchange/lunosim"} // the last: one status page
	return []fence{
		{"github.com/uptrace/bun/...", stores, "SQL has one home per domain: put the query into that domain's *db package"},
		{"database/sql/...", stores, "SQL has one home per domain: put the query into that domain's *db package"},
		{"github.com/jackc/pgx/...", []string{"saas/db/..."}, "drivers are opened in one place"},
		{"modernc.org/...", []string{"saas/db/..."}, "drivers are opened in one place"},
		{"net/http/...", slices.Concat(httpServers(), httpClients()),
			"a new server belongs into saas/api or saas/web; a new client is added to httpClients with its reason"},
		{"html/template", pages, "pages are saas/web's"},
		{"text/template", pages, "pages are saas/web's"},
		{"github.com/danielgtaylor/huma/...", []string{"saas/api"}, "the API is described in one place"},
		{"github.com/go-chi/chi/...", []string{"saas/api", "saas/web"}, "routes live where the handlers do"},
		{"github.com/hashicorp/go-plugin/...", plugins, "authors and services see Go types, never the wire"},
		{"google.golang.org/...", plugins, "authors and services see Go types, never the wire"},
		{"github.com/nats-io/...", events, "events leave through saas/outbox and live updates through saas/live"},
		{"github.com/ThreeDotsLabs/...", events, "events leave through saas/outbox and live updates through saas/live"},
		{"github.com/tink-crypto/...", []string{"tenancy/vault"}, "secrets are sealed in one place"},
		{"github.com/golang-jwt/...", []string{"tenancy"}, "tokens are made and read in one place"},
		{"github.com/stripe/...", []string{"billing/stripe"}, "billing knows a Provider, not Stripe"},
		{"github.com/redis/...", []string{"saas/ratelimit", "hosts/..."}, "what needs Redis takes an interface"},
		{"github.com/chromedp/...", []string{"saas/web/webtest"}, "browsers are driven by tests only"},
		{"github.com/alecthomas/kong", []string{"hosts/..."}, "a library reads no command line"},
		{"github.com/joho/godotenv", []string{"hosts/..."}, "a library reads no .env file"},
		{"os/exec", []string{
			"hosts/...", "saas/db/dbtest", "saas/saastest", "saas/web/webtest", "strategy/pluginhost/...", "strategy/strategytest", "exchange/exchangetest",
		}, "programs are started by the plugin host and by test helpers"},
	}
}

// httpServers are the packages that may serve HTTP. In saas itself it is the
// joining of two handlers, in a program the listener.
func httpServers() []string {
	return []string{"saas/api", "saas/web", "exchange/lunosim", "billing/stripe", "saas", "hosts/...", "examples/..."}
}

// httpClients are the packages that call others over HTTP and serve nothing;
// TestSource holds them to it.
func httpClients() []string {
	return []string{
		"exchange/luno",            // the venue
		"exchange/luno/lunostream", // a stream begins as a request
		"saas/notify",              // one POST per message
		"saas/saastest",            // tests call a server's API
	}
}

// wall keeps whole worlds apart, their tests included.
type wall struct {
	from, to []string
	why      string
}

func walls() []wall {
	business := []string{"saas/...", "tenancy/...", "billing/..."}
	return []wall{
		{[]string{"exchange/...", "strategy/...", "plugins/..."}, business, "the trading world knows no tenant, no plan and no SQL"},
		{[]string{"tenancy/...", "billing/..."}, []string{"exchange/...", "strategy/..."}, "the business world knows no order"},
	}
}

// pkg is what the rules read of a package.
type pkg struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Module       *struct{ Path string }
	Error        *struct{ Err string }
}

// path is the package's path inside the module.
func (p pkg) path() string { return relative(p.ImportPath) }

func TestImportTable(t *testing.T) {
	t.Parallel()
	for _, problem := range checkImports(packages(t, "./...")) {
		t.Error(problem)
	}
}

// TestImportRulesCatch proves that the rules can fail: each case is one package
// that breaks one of them, or only seems to.
func TestImportRulesCatch(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		path    string
		imports []string
		tests   []string
		want    string // part of the one problem; empty for none
	}{
		{"allowed", "strategy/risk", []string{"fmt", module + "/exchange", module + "/strategy/portfolio"}, nil, ""},
		{"not in the row", "strategy/risk", []string{module + "/strategy/engine"}, nil, "strategy/risk imports strategy/engine"},
		{"unknown package", "strategy/magic", nil, nil, "strategy/magic has no row"},
		{"the kernel imports nothing", "saas/errs", []string{module + "/saas/page"}, nil, "saas/errs imports saas/page"},
		{"internal takes its holder's row", "strategy/plugin/internal/wire", []string{module + "/strategy/portfolio"}, nil, ""},
		{"internal beside internal", "strategy/plugin/internal/wire", []string{module + "/strategy/plugin/internal/pluginpb"}, nil, ""},
		{"internal is no way round", "strategy/plugin/internal/wire", []string{module + "/strategy/engine"}, nil, "imports strategy/engine"},
		{"holder uses its internal", "strategy/plugin", []string{module + "/strategy/plugin/internal/wire"}, nil, ""},
		{"a plugin's own folder", "plugins/basic", []string{module + "/plugins/basic/basic"}, nil, ""},
		{"another plugin's folder", "plugins/other", []string{module + "/plugins/basic/basic"}, nil, "plugins/other imports plugins/basic/basic"},
		{"composition takes no venue", "saas", []string{module + "/exchange/luno"}, nil, "saas imports exchange/luno"},
		{"worlds stay apart in tests", "strategy/engine", nil, []string{module + "/saas/db/dbtest"}, "test of strategy/engine imports saas/db/dbtest"},
		{"business knows no order in tests", "billing", nil, []string{module + "/exchange"}, "test of billing imports exchange"},
		{"tests may use other stores", "billing", nil, []string{module + "/billing/billingdb"}, ""},
		{"bun outside a store", "saas/bot", []string{"github.com/uptrace/bun"}, nil, "saas/bot imports github.com/uptrace/bun"},
		{"bun in a store", "saas/saasdb", []string{"github.com/uptrace/bun", "github.com/uptrace/bun/migrate"}, nil, ""},
		{"a server in the wrong place", "saas/bot", []string{"net/http"}, nil, "saas/bot imports net/http"},
		{"a name that only begins alike", "saas/bot", []string{"net/httpx"}, nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expectOne(t, checkImports([]pkg{{ImportPath: module + "/" + c.path, Imports: c.imports, XTestImports: c.tests}}), c.want)
		})
	}
}

// checkImports returns what breaks the table, the fences and the walls.
func checkImports(pkgs []pkg) []string {
	rows, problems := importTable(), []string(nil)
	for _, p := range pkgs {
		if p.Error != nil {
			problems = append(problems, fmt.Sprintf("%s does not load: %s", p.path(), p.Error.Err))
		}
		may, found := rowOf(rows, p.path())
		if !found {
			problems = append(problems, fmt.Sprintf("%s has no row: add it to importTable with what it may import", p.path()))
		}
		for _, imp := range p.Imports {
			if to := relative(imp); found && ours(imp) && !related(p.path(), to) && !inside(to, may) {
				problems = append(problems, fmt.Sprintf("%s imports %s, which its row in importTable does not allow: "+
					"turn the dependency round (an interface of the consumer's), or change the row and say why in CHANGELOG.md", p.path(), to))
			}
			for _, f := range fences() {
				if inside(imp, []string{f.imports}) && !inside(holder(p.path()), f.in) {
					problems = append(problems, fmt.Sprintf("%s imports %s, which is for %s only: %s", p.path(), imp, strings.Join(f.in, ", "), f.why))
				}
			}
		}
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			for _, w := range walls() {
				if ours(imp) && inside(p.path(), w.from) && inside(relative(imp), w.to) {
					problems = append(problems, fmt.Sprintf("a test of %s imports %s: %s", p.path(), relative(imp), w.why))
				}
			}
		}
	}
	return problems
}

// rowOf finds a package's row: its own, its internal folder's holder's, or that
// of a folder with "/...".
func rowOf(rows []row, p string) (may []string, found bool) {
	for _, r := range rows {
		if r.path == holder(p) || strings.HasSuffix(r.path, "/...") && inside(p, []string{r.path}) {
			return r.may, true
		}
	}
	return nil, false
}

// holder is the package that a package under an internal folder belongs to.
func holder(p string) string {
	before, _, _ := strings.Cut(p+"/", "/internal/")
	return strings.TrimSuffix(before, "/")
}

// related says whether two packages belong to one: through an internal folder,
// or as parts of one plugin or example.
func related(from, to string) bool {
	if to != holder(to) {
		return holder(to) == holder(from)
	}
	family := func(p string) string {
		parts := strings.SplitN(p, "/", 3)
		if len(parts) < 2 || parts[0] != "plugins" && parts[0] != "examples" {
			return ""
		}
		return path.Join(parts[:2]...)
	}
	return family(from) != "" && family(from) == family(to)
}

// inside says whether a path matches one of the patterns.
func inside(p string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		folder, deep := strings.CutSuffix(pattern, "/...")
		return p == folder || deep && strings.HasPrefix(p, folder+"/")
	})
}

func ours(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

func relative(importPath string) string { return strings.TrimPrefix(importPath, module+"/") }

// packages loads packages with the go command.
func packages(t *testing.T, args ...string) []pkg {
	t.Helper()
	out := goTool(t, append([]string{"list", "-e", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports,Module,Error"}, args...)...)
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// goTool runs the go command at the top of the module and returns what it printed.
func goTool(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v: %s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// expectOne checks that exactly one problem was found and holds want, or none
// when want is empty.
func expectOne(t *testing.T, problems []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(problems) != 0:
		t.Fatalf("problems: %q, want none", problems)
	case want != "" && (len(problems) != 1 || !strings.Contains(problems[0], want)):
		t.Fatalf("problems: %q, want one with %q", problems, want)
	}
}
