package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

// runSim starts the command and returns what it says first; stop ends it and returns
// its exit code.
func runSim(t *testing.T, args ...string) (ready simReady, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"sim"}, args...), &console{out: out, problems: io.Discard})
		_ = out.Close()
	}()
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		t.Fatalf("it said nothing: %v, code %d", err, <-code)
	}
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return ready, func() int {
		cancel()
		return <-code
	}
}

func TestSim(t *testing.T) {
	t.Parallel()
	faults := filepath.Join(t.TempDir(), "faults.json")
	if err := os.WriteFile(faults, []byte(`[{"kind":"suspended","pair":"ETHMYR"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, traders := range []string{"random", "replay", "none"} {
		ready, stop := runSim(t, "--seed", "5", "--rate-limit", "0", "--markets", "XBTMYR,ETHMYR,XRPMYR", "--accounts", "2", "--faults", faults,
			"--traders", traders, "--pause", "1ms", "--speed", "10000")
		if len(ready.Keys) != 6 || ready.Keys[0].Permissions != 99 || ready.Keys[0] != lunosim.DefaultAccounts(5, 2)[0].Keys[0] ||
			ready.Keys[1].Permissions&lunosim.WriteOrders != 0 || ready.Keys[2].Permissions&lunosim.WriteWithdrawals == 0 {
			t.Errorf("keys %+v", ready.Keys)
		}
		if !strings.HasPrefix(ready.Rest, "http://127.0.0.1:") || ready.Stream != "ws"+strings.TrimPrefix(ready.Rest, "http") {
			t.Errorf("ready %+v", ready)
		}
		var state lunosim.State
		for {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ready.Rest+"/sim/state", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			err = json.NewDecoder(response.Body).Decode(&state)
			if closing := response.Body.Close(); err != nil || closing != nil {
				t.Fatal(err, closing)
			}
			if traders == "none" || state.Markets[0].Trades > 10 && state.Markets[2].Trades > 0 {
				break
			}
		}
		if len(state.Markets) != 3 || state.Markets[1].Status != "SUSPENDED" || len(state.Accounts) != 2 || traders == "none" && state.Markets[0].Orders != 0 {
			t.Errorf("%s: state %+v", traders, state)
		}
		if code := stop(); code != 0 {
			t.Errorf("%s: exit code %d", traders, code)
		}
	}
}

// Every kind of fault can be given by a file, and is what the API tells then; the
// limit of calls is that of the flag.
func TestSimFaultFile(t *testing.T) {
	t.Parallel()
	key := lunosim.DefaultAccounts(1, 1)[0].Keys[1].ID
	var want []lunosim.Fault
	for i, kind := range []lunosim.FaultKind{
		lunosim.HangAfter, lunosim.HangBefore, lunosim.BadGatewayBefore, lunosim.BadGatewayAfter, lunosim.ResetBefore, lunosim.ResetAfter,
		lunosim.GarbageAfter, lunosim.EmptyAfter, lunosim.TooManyRequests, lunosim.Refuse, lunosim.FillBeforeStop,
		lunosim.StreamDuplicate, lunosim.StreamGap, lunosim.StreamReorder, lunosim.StreamSilent, lunosim.StreamReset, lunosim.StreamGarbage, lunosim.StreamLate,
		lunosim.LateFills, lunosim.ClockSkew, lunosim.PostOnlyMode, lunosim.Suspended, lunosim.CircuitBreaker, lunosim.RevokedKey, lunosim.QuietPostOnly,
	} {
		want = append(want, lunosim.Fault{
			ID: int64(i + 1), Kind: kind, Path: "/api/1/nothing", Account: "trader-1", Key: key, Pair: "ETHMYR", Skip: 1, Count: 2, Chance: 0.5, Delay: 1000,
			Code: "ErrUnderMaintenance", Percent: 20,
		})
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "faults.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	ready, stop := runSim(t, "--faults", file, "--traders", "none", "--rate-limit", "2")
	for _, want := range []int{http.StatusOK, http.StatusOK, http.StatusTooManyRequests} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ready.Rest+"/api/1/tickers", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != want {
			t.Errorf("with 2 calls a minute it answers %d, want %d; %v", response.StatusCode, want, err)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ready.Rest+"/sim/faults", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it is only read
	var got struct{ Faults []lunosim.Fault }
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || !slices.Equal(got.Faults, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got.Faults, want)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSimRefuses(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "faults.json")
	if err := os.WriteFile(bad, []byte(`[{"kind":"explode"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"there is no \"NOPE\"": {"--markets", "NOPE"},
		"explode":              {"--faults", bad},
		"--faults":             {"--faults", bad + "x"},
		"--accounts":           {"--accounts", "0"},
		"limit of calls":       {"--rate-limit=-1"},
		"--addr":               {"--addr", "256.0.0.1:0"},
		"speed":                {"--speed=-1"},
	} {
		var problems strings.Builder
		if code := run(t.Context(), append([]string{"sim"}, args...), &console{out: io.Discard, problems: &problems}); code != exitInput || !strings.Contains(problems.String(), want) {
			t.Errorf("%v: %d %s, want %s", args, code, problems.String(), want)
		}
	}
}

// proves T8 for a replay over restarts: it goes on where it would be, and never at its first
// candle again, so that no order is filled by a jump of the price that never was. Another
// speed, and other traders, are refused.
func TestSimReplayGoesOn(t *testing.T) {
	t.Parallel()
	c := simCommand{Accounts: 1, Markets: []string{"XBTMYR"}, Pause: time.Second, Seed: 1, Speed: 60, State: filepath.Join(t.TempDir(), "sim.json"), Traders: "replay"}
	at := time.UnixMilli(1_800_000_030_000)
	price := func(c simCommand) exchange.Ticks {
		t.Helper()
		sim, recorded, err := c.open(func() time.Time { return at }, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer sim.Close()
		now := recorded.Candle("XBTMYR", recorded.Index(recorded.Now()))
		ended, end := context.WithCancel(t.Context())
		end()
		if err := sim.Keep(ended); err != nil { // leaves the file
			t.Fatal(err)
		}
		return now.Open
	}
	first := price(c)
	at = at.Add(17 * time.Minute)
	fresh := c
	fresh.State = ""
	if began := price(fresh); began != first {
		t.Fatalf("without a file it begins at %d and %d", first, began)
	}
	later := price(c)
	if later == first {
		t.Errorf("after 17 minutes it begins at %d again", first)
	}
	if again := price(c); again != later {
		t.Errorf("two starts at one time have the prices %d and %d", later, again)
	}
	for name, change := range map[string]func(*simCommand){
		"another speed": func(c *simCommand) { c.Speed = 61 },
		"other traders": func(c *simCommand) { c.Traders = "random" },
	} {
		other := c
		change(&other)
		if _, _, err := other.open(func() time.Time { return at }, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "which are --traders replay --speed 60: start it as before") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
