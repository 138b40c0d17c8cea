package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
