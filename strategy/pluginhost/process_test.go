//go:build unix

package pluginhost_test

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

func serving(t *testing.T, cfg pluginhost.Config) (*pluginhost.Host, *pluginhost.Process) {
	t.Helper()
	cfg.Sources = []pluginhost.Source{hostile("serve")}
	host := newHost(t, cfg)
	p, err := host.Process(t.Context(), "hostile", "shared")
	if err != nil {
		t.Fatal(err)
	}
	return host, p
}

func TestProcessServesManyBots(t *testing.T) {
	t.Parallel()
	_, p := serving(t, pluginhost.Config{})
	bots := open(t, p, input(""), input(""), input(""))
	round := candle(0, bots...)
	for i := range 2 {
		if err := p.Live(t.Context(), round); err != nil {
			t.Fatal(err)
		}
		for _, r := range round.Reactions {
			want := []strategy.Command{{Kind: strategy.NoteCommand, Text: "candle " + strconv.Itoa(i+1)}}
			if r.Err != nil || !slices.Equal(r.Commands, want) {
				t.Fatalf("the reaction is %+v, want %v", r, want)
			}
		}
	}
	states, err := p.Snapshot(t.Context(), bots[:2])
	if err != nil || states[0].Err != nil || string(states[0].Snapshot.Data) != `{"Candles":2}` {
		t.Fatalf("the states are %+v, %v", states, err)
	}
	again := input("")
	again.Snapshot = &states[0].Snapshot
	restored := open(t, p, again)
	if err := p.Close(t.Context(), bots); err != nil {
		t.Fatal(err)
	}
	round = candle(2, bots[0], restored[0])
	if err := p.Live(t.Context(), round); err != nil {
		t.Fatal(err)
	}
	if round.Reactions[0].Err == nil {
		t.Error("a bot that was closed still reacts")
	}
	if got := round.Reactions[1]; got.Err != nil || got.Commands[0].Text != "candle 3" {
		t.Errorf("the restored bot reacts with %+v, want its third candle", got)
	}
}

// proves PL7: a state of a newer version is not given to the plugin, which may not notice;
// the bots that are opened with it are.
func TestNewerStateIsNotGiven(t *testing.T) {
	t.Parallel()
	_, p := serving(t, pluginhost.Config{})
	own, newer := input(""), input("")
	own.Snapshot, newer.Snapshot = &strategy.Snapshot{Version: 1, Data: []byte(`{"Candles":6}`)}, &strategy.Snapshot{Version: 2, Data: []byte(`{"Candles":7}`)}
	opened, err := p.Open(t.Context(), []strategy.OpenInput{newer, own, newer, input("nonsense"), input("")})
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range opened {
		var wrong *strategy.NewerStateError
		if errors.As(o.Err, &wrong) != (i == 0 || i == 2) || (o.Err != nil) != (i != 1 && i != 4) {
			t.Errorf("bot %d: %v", i, o.Err)
		}
		if wrong != nil && *wrong != (strategy.NewerStateError{Strategy: "hostile", Version: "1.0.0", State: 2, Reads: 1}) {
			t.Errorf("bot %d: %+v", i, wrong)
		}
	}
	if n := p.Bots(); n != 2 {
		t.Errorf("%d bots are open", n)
	}
	round := candle(0, opened[1].Bot, opened[4].Bot)
	if err := p.Live(t.Context(), round); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"candle 7", "candle 1"} {
		if got := round.Reactions[i]; got.Err != nil || got.Commands[0].Text != want {
			t.Errorf("bot %d reacts with %+v, want %s", i, got, want)
		}
	}
}

// proves PL5
func TestPanicHurtsOnlyItsBot(t *testing.T) {
	t.Parallel()
	var printed log
	_, p := serving(t, pluginhost.Config{Logger: slog.New(slog.NewTextHandler(&printed, nil))})
	bots := open(t, p, input(""), input("panic"), input(""))
	round := candle(0, bots...)
	for range 2 {
		if err := p.Live(t.Context(), round); err != nil {
			t.Fatal(err)
		}
		var one *plugin.BotError
		if err := round.Reactions[1].Err; !errors.As(err, &one) || !strings.Contains(err.Error(), "boom in OnCandle") {
			t.Fatalf("the bot that panicked has the error %v", err)
		}
		if round.Reactions[0].Err != nil || round.Reactions[2].Err != nil || len(round.Reactions[2].Commands) != 1 {
			t.Fatalf("the other bots react with %+v", round.Reactions)
		}
	}
	states, err := p.Snapshot(t.Context(), bots)
	if err != nil || states[0].Err != nil || states[1].Err == nil {
		t.Errorf("the states are %+v, %v; want an error for the bot that panicked", states, err)
	}
	p.Stop()
	if text := printed.String(); !strings.Contains(text, "main.go") || strings.Contains(text, "level=ERROR") {
		t.Errorf("the log has no stack of the panic:\n%s", text)
	}
}

func TestBadParametersAreTheirBotsError(t *testing.T) {
	t.Parallel()
	host, p := serving(t, pluginhost.Config{})
	opened, err := p.Open(t.Context(), []strategy.OpenInput{input(""), input("nonsense")})
	if err != nil || opened[0].Err != nil || opened[1].Err == nil {
		t.Fatalf("opened %+v, %v", opened, err)
	}
	if !slices.Equal(opened[0].Wants, []strategy.EventKind{strategy.CandleEvent}) {
		t.Errorf("the bot wants %v", opened[0].Wants)
	}
	var faults param.Errors
	if _, err := host.Validate(t.Context(), "hostile", []byte(`{"at":"nonsense"}`)); !errors.As(err, &faults) || faults[0].Name != "at" {
		t.Errorf("validating gave %v, want param.Errors", err)
	}
	if all, err := host.Validate(t.Context(), "hostile", nil); err != nil || string(all) != `{"at":"nothing"}` {
		t.Errorf("validating nothing gave %s, %v", all, err)
	}
}

// proves PL5
func TestProcessesThatEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		at   string
		kind pluginhost.Kind
		text string
	}{
		{"exit", pluginhost.Crashed, "exit status 3"},
		{"goroutine", pluginhost.Crashed, "panic: boom in a goroutine"},
		{"hang", pluginhost.Timeout, "no answer in time"},
	}
	for _, test := range tests {
		t.Run(test.at, func(t *testing.T) {
			t.Parallel()
			_, p := serving(t, pluginhost.Config{CallTimeout: 2 * time.Second})
			bots := open(t, p, input(""), input(test.at))
			states, err := p.Snapshot(t.Context(), bots[:1])
			if err != nil {
				t.Fatal(err)
			}
			wantKind(t, p.Live(t.Context(), candle(0, bots...)), test.kind, test.text)
			<-p.Done()
			wantKind(t, p.Err(), test.kind, test.text)
			if _, err := p.Snapshot(t.Context(), bots); !errors.Is(err, &pluginhost.Error{Kind: test.kind}) {
				t.Errorf("a later call gave %v, want the same cause", err)
			}
			_ = states
		})
	}
}

func TestDeadProcessIsStartedAgainAfterABackOff(t *testing.T) {
	t.Parallel()
	host, p := serving(t, pluginhost.Config{BackoffMin: 300 * time.Millisecond})
	bots := open(t, p, input(""))
	if err := p.Live(t.Context(), candle(0, bots...)); err != nil {
		t.Fatal(err)
	}
	states, err := p.Snapshot(t.Context(), bots)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(p.ID())
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	wantKind(t, p.Err(), pluginhost.Crashed, "signal: killed")
	again, err := host.Process(t.Context(), "hostile", "shared")
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); again == p || took < 300*time.Millisecond {
		t.Errorf("a new process came after %s, want the back-off first", took)
	}
	in := input("")
	in.Snapshot = &states[0].Snapshot
	round := candle(1, open(t, again, in)...)
	if err := again.Live(t.Context(), round); err != nil || round.Reactions[0].Commands[0].Text != "candle 2" {
		t.Errorf("the bot does not go on: %+v, %v", round.Reactions, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	again.Stop()
	if _, err := host.Process(ctx, "hostile", "shared"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up got %v", err)
	}
}

func TestKeysChooseWhoSharesAProcess(t *testing.T) {
	t.Parallel()
	host, p := serving(t, pluginhost.Config{})
	same, err := host.Process(t.Context(), "hostile", "shared")
	if err != nil || same != p {
		t.Errorf("the same key gave another process, %v", err)
	}
	other, err := host.Process(t.Context(), "hostile", "tenant-7")
	if err != nil || other == p || other.ID() == p.ID() {
		t.Errorf("another key gave the same process, %v", err)
	}
}

// proves PL6
func TestEnvironmentOfTheHostIsNotSeen(t *testing.T) {
	t.Setenv("LUNOBOT_TEST_SECRET", "hunter2")
	_, p := serving(t, pluginhost.Config{})
	round := candle(0, open(t, p, input("environment"))...)
	if err := p.Live(t.Context(), round); err != nil {
		t.Fatal(err)
	}
	for _, c := range round.Reactions[0].Commands {
		if !strings.HasPrefix(c.Text, "PLUGIN_") && c.Text != "GOMAXPROCS" && c.Text != "LUNOBOT_PLUGIN" && c.Text != plugin.MemoryVariable && c.Text != plugin.LineVariable && !strings.HasPrefix(c.Text, "candle") {
			t.Errorf("the plugin sees the variable %s", c.Text)
		}
	}
}

// proves PL5
func TestFloodOfOutputIsCut(t *testing.T) {
	t.Parallel()
	var printed log
	_, p := serving(t, pluginhost.Config{Logger: slog.New(slog.NewTextHandler(&printed, nil)), LogLine: 100, LogRate: 5, CallTimeout: time.Minute})
	bots := open(t, p, input("flood"), input(""))
	if err := p.Live(t.Context(), candle(0, bots...)); err != nil {
		t.Fatal(err)
	}
	if err := p.Live(t.Context(), candle(1, bots[1])); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	text := printed.String()
	if lines := strings.Count(text, "plugin output"); lines == 0 || lines > 300 {
		t.Errorf("%d of 2,000 lines were logged", lines)
	}
	if !strings.Contains(text, "…") || strings.Contains(text, strings.Repeat("flood ", 20)) {
		t.Errorf("the lines were not cut")
	}
}

func TestStopLeavesNoProcess(t *testing.T) {
	t.Parallel()
	host, p := serving(t, pluginhost.Config{})
	pid, err := strconv.Atoi(p.ID())
	if err != nil {
		t.Fatal(err)
	}
	host.Stop()
	host.Stop()
	if err := syscall.Kill(pid, 0); !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	wantKind(t, p.Err(), pluginhost.Stopped, "stopped")
	_, err = host.Process(t.Context(), "hostile", "shared")
	wantKind(t, err, pluginhost.Stopped, "the host has stopped")
}

func TestIdleProcessEnds(t *testing.T) {
	t.Parallel()
	host, p := serving(t, pluginhost.Config{HealthInterval: 10 * time.Millisecond, IdleTimeout: 100 * time.Millisecond}) // its health is no use
	<-p.Done()
	wantKind(t, p.Err(), pluginhost.Stopped, "had no bot")
	again, err := host.Process(t.Context(), "hostile", "shared")
	if err != nil || again == p {
		t.Errorf("no new process came: %v", err)
	}
}

func TestFrozenProcessFailsItsHealthCheck(t *testing.T) {
	t.Parallel()
	_, p := serving(t, pluginhost.Config{HealthInterval: 50 * time.Millisecond, CallTimeout: time.Second})
	pid, err := strconv.Atoi(p.ID())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	wantKind(t, p.Err(), pluginhost.Timeout, "asking for its health")
}

func TestManifestTellsTheSDK(t *testing.T) {
	t.Parallel()
	_, p := serving(t, pluginhost.Config{})
	if m := p.Manifest(); m.SDK != plugin.SDKVersion || m.Version != "1.0.0" || !m.Can(plugin.Backtest) || m.Can("magic") {
		t.Errorf("the manifest is %+v", m)
	}
}

// proves PL5: a plugin ends with a host that is killed; one that does not want to is ended,
// where it is shut in.
func TestPluginEndsWithAKilledHost(t *testing.T) {
	t.Parallel()
	endsWithHost(t, binary)
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(binary), "lbp-*")); len(left) > 0 {
		t.Errorf("the plugin has left %v behind", left)
	}
	boxed(t, pluginhost.Config{}) // or it is skipped
	if err := os.Chmod(filepath.Dir(attackerBinary), 0o711); err != nil {
		t.Fatal(err)
	}
	endsWithHost(t, attackerBinary, "deaf")
}

// endsWithHost kills a host and waits for the end of its plugin.
func endsWithHost(t *testing.T, plugin ...string) {
	t.Helper()
	host := exec.CommandContext(t.Context(), os.Args[0], append([]string{hostArgument}, plugin...)...)
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the host did not start: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	for begin := time.Now(); running(pid); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > 20*time.Second {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("the plugin %d outlives its host", pid)
		}
	}
}

// running reports whether a process is there and not waiting to be buried.
func running(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// A caller who gives up waiting for a strategy to look at its parameters leaves no bot
// behind in the process that all callers share.
func TestTryThatIsGivenUpLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{hostile("serve")}})
	if err := host.Try(t.Context(), "hostile", input("")); err != nil {
		t.Fatal(err)
	}
	p, err := host.Process(t.Context(), "hostile", "checking")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*10*time.Microsecond) // before, while and after it is opened
		if err := host.Try(ctx, "hostile", input("")); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		cancel()
	}
	for deadline := time.Now().Add(time.Minute); p.Bots() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bots are left open", p.Bots())
		}
	}
	if err := p.Err(); err != nil {
		t.Errorf("that callers gave up has ended the process: %v", err)
	}
}

// proves PL5: the host hears of no further connections, of which a plugin could promise it
// any number.
func TestHostKnowsNoBroker(t *testing.T) {
	t.Parallel()
	host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{hostile("serve")}})
	if _, err := host.Process(t.Context(), "hostile", "shared"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var all strings.Builder
		if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(all.String(), "GRPCBroker).Run") {
			return // others are starting processes meanwhile
		}
		if time.Now().After(deadline) {
			t.Fatal("it listens for further connections")
		}
	}
}
