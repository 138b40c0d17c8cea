package pluginhost_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"go.uber.org/goleak"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// binary is the hostile plugin and attackerBinary the one that tries to get out
// of its sandbox, built once for all tests; shim shuts them in.
//
//nolint:gochecknoglobals // set by TestMain before any test runs
var (
	binary, attackerBinary string
	shim                   sandbox.Shim
)

// hostArgument makes the test binary a host that is there to be killed.
const hostArgument = "be-a-host"

func TestMain(m *testing.M) {
	shim = sandbox.Serve()
	if len(os.Args) > 2 && os.Args[1] == hostArgument {
		beAHost(os.Args[2], os.Args[3:])
	}
	os.Exit(run(m))
}

// beAHost starts a plugin, shut in if it takes arguments, tells its process id and waits
// for its own end.
func beAHost(path string, args []string) {
	name := filepath.Base(path)
	cfg := pluginhost.Config{Sources: []pluginhost.Source{{Name: name, Path: path, Args: args}}, TempDir: filepath.Dir(path)}
	if len(args) > 0 {
		cfg.Shim, cfg.Sandbox = shim, sandbox.Require
	}
	host, err := pluginhost.New(cfg)
	if err != nil {
		panic(err)
	}
	p, err := host.Process(context.Background(), name, "shared")
	if err != nil {
		panic(err)
	}
	_, _ = fmt.Fprintln(os.Stdout, p.ID())
	select {}
}

// run removes the binary and finds goroutines and processes that a test left
// behind.
func run(m *testing.M) int {
	directory, err := os.MkdirTemp("", "pluginhost-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(directory) }()
	binary, attackerBinary = filepath.Join(directory, "hostile"), filepath.Join(directory, "attacker")
	for path, pkg := range map[string]string{binary: "./testdata/hostile", attackerBinary: "./testdata/attacker"} {
		if out, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil { //nolint:noctx // before the tests
			fmt.Fprintf(os.Stderr, "building %s: %v\n%s", pkg, err, out)
			return 1
		}
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// log keeps what a host logs.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func hostile(mode string) pluginhost.Source {
	return pluginhost.Source{Name: "hostile", Path: binary, Args: []string{mode}}
}

// newHost returns a host that is stopped at the end of the test, when nothing
// of it may be left.
func newHost(tb testing.TB, cfg pluginhost.Config) *pluginhost.Host {
	tb.Helper()
	if cfg.TempDir == "" {
		directory, err := os.MkdirTemp("", "ph-") //nolint:usetesting // the path of the test's own is too long for sockets
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = os.RemoveAll(directory) })
		cfg.TempDir = directory
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	host, err := pluginhost.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		host.Stop()
		host.Stop()
		if left, _ := filepath.Glob(filepath.Join(cfg.TempDir, "*")); len(left) > 0 {
			tb.Errorf("directories are left: %v", left)
		}
	})
	return host
}

func market() exchange.Market {
	return exchange.Market{
		Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -6), Status: exchange.MarketActive,
	}
}

func input(at string) strategy.OpenInput {
	in := strategy.OpenInput{Explain: true, Interval: time.Minute, Market: market()}
	if at != "" {
		in.Params = fmt.Appendf(nil, `{"at":%q}`, at)
	}
	return in
}

// open opens bots, which must all be taken.
func open(tb testing.TB, p *pluginhost.Process, inputs ...strategy.OpenInput) []uint64 {
	tb.Helper()
	opened, err := p.Open(tb.Context(), inputs)
	if err != nil {
		tb.Fatal(err)
	}
	bots := make([]uint64, len(opened))
	for i, o := range opened {
		if o.Err != nil {
			tb.Fatalf("bot %d: %v", i, o.Err)
		}
		bots[i] = o.Bot
	}
	return bots
}

// candle returns a round in which the bots hear of the candle of a minute.
func candle(minute int64, bots ...uint64) *plugin.Round {
	view := &strategy.View{NextRef: 1, Counter: 1_000_000_000}
	d := plugin.Delivery{Event: strategy.Event{
		Kind: strategy.CandleEvent, Time: (minute + 1) * 60_000,
		Candle: exchange.Candle{Time: minute * 60_000, Open: 250, High: 260, Low: 240, Close: 255, Volume: 9},
	}}
	for _, b := range bots {
		d.Bots = append(d.Bots, plugin.Recipient{Bot: b, View: view})
	}
	return &plugin.Round{Deliveries: []plugin.Delivery{d}}
}

// wantKind fails unless the error is an *Error of the kind that names the
// plugin and has the text.
func wantKind(tb testing.TB, err error, kind pluginhost.Kind, text string) {
	tb.Helper()
	var fault *pluginhost.Error
	if !errors.As(err, &fault) || fault.Kind != kind || fault.Plugin != "hostile" {
		tb.Fatalf("the error is %v, want one of kind %s that names the plugin", err, kind)
	}
	if !strings.Contains(err.Error(), text) {
		tb.Fatalf("the error is %q, want it to say %q", err, text)
	}
}
