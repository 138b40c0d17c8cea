package plugin_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

type params struct {
	Every int `param:"every" label:"Every" unit:"candles" validate:"min=1,max=10"`
}

// counter buys at every so many candles.
type counter struct {
	Params params `json:"-"`
	Seen   int
}

func (s *counter) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	s.Seen++
	if s.Seen%s.Params.Every == 0 {
		b.Buy(7).Because("candle %d", s.Seen)
	}
}

func (s *counter) Warmup() int { return s.Params.Every }

func define(name string) strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: name, Version: "1.2.0", Summary: "Counts candles."}, params{Every: 2},
		func(p params) strategy.Strategy { return &counter{Params: p} })
}

func TestMain(m *testing.M) {
	bundle, err := plugin.NewBundle(define("counter"))
	if err != nil {
		panic(err)
	}
	bundle.ServeIfChild()
	if len(os.Args) > 1 && os.Args[1] == "as-plugin" {
		os.Args = append(os.Args[:1], os.Args[2:]...)
		plugin.Serve(define("counter"))
	}
	os.Exit(m.Run())
}

// byHand runs this binary as a person would run a plugin.
func byHand(t *testing.T, args ...string) (out, problems string, code int) {
	t.Helper()
	var stderr strings.Builder
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Stderr = &stderr
	stdout, err := c.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(stdout), stderr.String(), c.ProcessState.ExitCode()
}

func TestPluginExplainsItselfToPeople(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		out  string
		err  string
		code int
	}{
		{"alone", []string{"as-plugin"}, "", "counter 1.2.0: Counts candles.\n\nThis is a strategy for Lunobot.", 2},
		{"help", []string{"as-plugin", "-help"}, "", "-describe", 0},
		{"unknown flag", []string{"as-plugin", "-x"}, "", "-describe", 2},
		{"version", []string{"as-plugin", "-version"}, "counter 1.2.0 (sdk " + plugin.SDKVersion + ", protocol 1)\n", "", 0},
		{"bundled by hand", []string{"plugin-serve", "counter"}, "", "not for people", 2},
		{"bundled unknown", []string{"plugin-serve", "other"}, "", `contains no strategy "other"`, 2},
		{"bundled nameless", []string{"plugin-serve"}, "", "needs the name", 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			out, problems, code := byHand(t, test.args...)
			if out != test.out || code != test.code || !strings.Contains(problems, test.err) || (test.err == "" && problems != "") {
				t.Errorf("it printed %q and %q and ended with %d", out, problems, code)
			}
		})
	}
}

func TestDescribePrintsTheManifest(t *testing.T) {
	t.Parallel()
	out, _, code := byHand(t, "as-plugin", "-describe")
	var m plugin.Manifest
	if err := json.Unmarshal([]byte(out), &m); err != nil || code != 0 {
		t.Fatalf("it printed %q: %v", out, err)
	}
	if m.Name != "counter" || m.Version != "1.2.0" || m.StateVersion != 1 || m.Schema.Fields()[0].Name != "every" || !m.Can(plugin.Live) {
		t.Errorf("the manifest is %+v", m)
	}
}

func TestBundleRefusesTwoOfOneName(t *testing.T) {
	t.Parallel()
	if _, err := plugin.NewBundle(define("a"), define("a"), define("b")); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("the error is %v", err)
	}
	b, err := plugin.NewBundle(define("a"), define("b"))
	if err != nil || len(b.Definitions()) != 2 {
		t.Fatal(err)
	}
	if d, ok := b.Definition("b"); !ok || d.Info().Name != "b" {
		t.Error("b is not found")
	}
	if _, ok := b.Definition("c"); ok {
		t.Error("c is found")
	}
}

func loopback(t *testing.T) *plugin.Client {
	t.Helper()
	client, stop, err := plugin.Loopback(define("counter"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	t.Cleanup(stop)
	return client
}

func input(params string) strategy.OpenInput {
	return strategy.OpenInput{Explain: true, Interval: time.Minute, Params: []byte(params), Market: exchange.Market{
		Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -6), Status: exchange.MarketActive,
	}}
}

func TestOpenTellsWhatEachBotWants(t *testing.T) {
	t.Parallel()
	client := loopback(t)
	newer := input(`{}`)
	newer.Snapshot = &strategy.Snapshot{Version: 9, Data: []byte(`{}`)}
	opened, err := client.Open(t.Context(), []plugin.OpenBot{
		{Bot: 1, OpenInput: input(`{"every":3}`)}, {Bot: 2, OpenInput: input(`{"every":11}`)}, {Bot: 1, OpenInput: input(`{}`)}, {Bot: 4, OpenInput: newer},
	})
	if err != nil {
		t.Fatal(err)
	}
	if o := opened[0]; o.Err != nil || o.Warmup != 3 || !slices.Equal(o.Wants, []strategy.EventKind{strategy.CandleEvent}) {
		t.Errorf("bot 1 is %+v", o)
	}
	for i, want := range map[int]string{1: "every", 2: "open already", 3: "version 9"} { // proves PL7
		var one *plugin.BotError
		if err := opened[i].Err; !errors.As(err, &one) || !strings.Contains(err.Error(), want) {
			t.Errorf("bot %d has the error %v, want %q", i, err, want)
		}
	}
}

func TestRoundAnswersEveryRecipient(t *testing.T) {
	t.Parallel()
	client := loopback(t)
	if _, err := client.Open(t.Context(), []plugin.OpenBot{{Bot: 5, OpenInput: input(`{"every":1}`)}, {Bot: 6, OpenInput: input(`{"every":2}`)}}); err != nil {
		t.Fatal(err)
	}
	view := func(next uint64) *strategy.View { return &strategy.View{NextRef: next} }
	candle := func(n int64) strategy.Event {
		return strategy.Event{Kind: strategy.CandleEvent, Time: n * 60_000, Candle: exchange.Flat(n*60_000, 100)}
	}
	round := &plugin.Round{Deliveries: []plugin.Delivery{
		{Event: candle(1), Bots: []plugin.Recipient{{Bot: 6, View: view(1)}, {Bot: 5, View: view(9)}, {Bot: 77, View: view(1)}}},
		{Event: strategy.Event{Kind: strategy.FillEvent}, Bots: []plugin.Recipient{{Bot: 5, View: view(10)}}},
		{Event: candle(2), Bots: []plugin.Recipient{{Bot: 6, View: view(1), Snapshot: true}}},
	}}
	if err := client.Live(t.Context(), round); err != nil {
		t.Fatal(err)
	}
	buy := func(ref uint64, why string) []strategy.Command {
		return []strategy.Command{{Kind: strategy.PlaceCommand, Ref: ref, Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 7, Text: why}}
	}
	want := [][]strategy.Command{nil, buy(9, "candle 1"), nil, nil, buy(1, "candle 2")}
	for i, r := range round.Reactions {
		if !slices.Equal(r.Commands, want[i]) || (r.Err != nil) != (i == 2) {
			t.Errorf("reaction %d is %+v, want %v", i, r, want[i])
		}
	}
	if s := round.Reactions[4].Snapshot; s == nil || s.Version != 1 || string(s.Data) != `{"Seen":2}` {
		t.Errorf("the state is %+v", s)
	}
	round.Deliveries = round.Deliveries[:0]
	if err := client.Live(t.Context(), round); err != nil || len(round.Reactions) != 0 {
		t.Errorf("an empty round gave %v, %v", round.Reactions, err)
	}
}

func TestManyLargeSnapshotsAreCutIntoCalls(t *testing.T) {
	t.Parallel()
	client := loopback(t)
	const bots = 700
	data := []byte(`{"Seen":1,"Padding":"` + strings.Repeat("x", 10_000) + `"}`)
	requests, numbers := make([]plugin.OpenBot, bots), make([]uint64, bots)
	for i := range requests {
		numbers[i] = uint64(i) + 1
		requests[i] = plugin.OpenBot{Bot: numbers[i], OpenInput: input("")}
		requests[i].Snapshot = &strategy.Snapshot{Version: 1, Data: data}
	}
	opened, err := client.Open(t.Context(), requests)
	if err != nil || len(opened) != bots {
		t.Fatalf("%d of %d were opened: %v", len(opened), bots, err)
	}
	states, err := client.Snapshot(t.Context(), numbers)
	if err != nil || len(states) != bots || string(states[bots-1].Snapshot.Data) != `{"Seen":1}` {
		t.Fatalf("there are %d states of %d: %v", len(states), bots, err)
	}
	if err := client.Close(t.Context(), numbers); err != nil {
		t.Fatal(err)
	}
	if states, err = client.Snapshot(t.Context(), numbers[:1]); err != nil || states[0].Err == nil {
		t.Errorf("a closed bot has the state %+v, %v", states[0], err)
	}
}
