package pluginhost_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
	"github.com/lunobot/lunobot/strategy/strategytest"
	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// boxed returns a host whose plugins are shut in, with what it logs.
func boxed(tb testing.TB, cfg pluginhost.Config) *pluginhost.Host {
	tb.Helper()
	cfg.Shim, cfg.Sandbox = shim, sandbox.Require
	directory, err := os.MkdirTemp("", "ph-") //nolint:usetesting // the path of the test's own is too long for sockets
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(directory) })
	if err := os.Chmod(directory, 0o711); err != nil {
		tb.Fatal(err)
	}
	cfg.TempDir = directory
	host := newHost(tb, cfg)
	if status := host.Sandbox(tb.Context()); !status.Whole() {
		machine.Missing(tb, "the whole sandbox", fmt.Errorf("it is %s", status))
	}
	return host
}

func attackerSource() pluginhost.Source {
	return pluginhost.Source{Name: "attacker", Path: attackerBinary}
}

// attempt lets a plugin try something and returns what it notes.
func attempt(tb testing.TB, p *pluginhost.Process, name, target string) (string, error) {
	tb.Helper()
	params, err := json.Marshal(map[string]string{"attempt": name, "target": target})
	if err != nil {
		tb.Fatal(err)
	}
	opened, err := p.Open(tb.Context(), []strategy.OpenInput{{Explain: true, Interval: time.Minute, Params: params}})
	if err != nil {
		return "", err
	}
	if opened[0].Err != nil {
		tb.Fatal(opened[0].Err)
	}
	round := candle(0, opened[0].Bot)
	if err := p.Live(tb.Context(), round); err != nil {
		return "", err
	}
	r := round.Reactions[0]
	if r.Err != nil || len(r.Commands) != 1 {
		tb.Fatalf("%s: %+v", name, r)
	}
	return r.Commands[0].Text, nil
}

// reachable returns a directory whose files nobody but the sandbox keeps from a plugin.
func reachable(tb testing.TB) string {
	tb.Helper()
	directory := tb.TempDir()
	for _, d := range []string{filepath.Dir(directory), directory} {
		if err := os.Chmod(d, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	return directory
}

// proves PL6: what a plugin tries is refused, and it and the one beside it go on.
func TestHostileAttempts(t *testing.T) {
	t.Setenv("LUNOBOT_TEST_SECRET", "hunter2")
	host := boxed(t, pluginhost.Config{Sources: []pluginhost.Source{attackerSource()}})
	secret := filepath.Join(reachable(t), "secret")
	if err := os.WriteFile(secret, []byte("hunter2"), 0o644); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(reachable(t), "open")
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	// A file of the user that plugins are: the host's own, or nobody's if that is root.
	theirs := filepath.Join(open, "theirs")
	if err := os.WriteFile(theirs, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(theirs, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tcp.Close() })
	door := filepath.Join(open, "door")
	path, err := net.Listen("unix", door)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = path.Close() })
	if err := os.Chmod(door, 0o777); err != nil {
		t.Fatal(err)
	}
	letters := filepath.Join(open, "letters")
	box, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: letters, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	if err := os.Chmod(letters, 0o777); err != nil {
		t.Fatal(err)
	}
	abstract, err := net.Listen("unix", "@lunobot-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = abstract.Close() })
	bystander, err := host.Process(t.Context(), "attacker", "bystander")
	if err != nil {
		t.Fatal(err)
	}
	p, err := host.Process(t.Context(), "attacker", "shared")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, target string }{
		{"environment", ""}, {"read", "/etc/passwd"}, {"read", secret}, {"read", "/proc/1/environ"}, {"read", "/proc/self/environ"}, {"read", "/proc/" + bystander.ID() + "/environ"},
		{"read", attackerBinary}, {"list", "/"}, {"list", "/tmp"}, {"list", "/proc"}, {"write", filepath.Join(open, "x")}, {"write", "/tmp/lunobot-attack"}, {"remove", secret},
		{"tcp", tcp.Addr().String()}, {"listen", ""}, {"udp", "127.0.0.1:53"}, {"raw", ""}, {"netlink", ""}, {"mptcp", ""}, {"legacy", ""}, {"vsock", ""},
		{"unix", door}, {"unix", "@lunobot-test"}, {"datagram", "/dev/log"}, {"exec", ""}, {"become", ""}, {"own program", ""}, {"fork", ""}, {"namespace", ""},
		{"ptrace", ""}, {"signal", bystander.ID()}, {"signal", strconv.Itoa(os.Getpid())}, {"mount", ""}, {"keys", ""}, {"ring", ""}, {"bpf", ""}, {"resize", ""},
		{"priority", ""}, {"realtime", ""}, {"read", "/proc/" + bystander.ID() + "/mem"}, {"read", "/proc/" + strconv.Itoa(os.Getpid()) + "/mem"},
		{"shared memory", ""}, {"stack memory", ""}, {"memory file", ""}, {"segment", ""}, {"queue", ""}, {"other program", ""},
		{"rights", theirs}, {"owner", theirs}, {"times", theirs}, {"attribute", theirs}, {"attributes", theirs}, {"watch", ""}, {"mounts", ""}, {"fault", ""},
		{"look into", strconv.Itoa(os.Getppid())}, {"look into", bystander.ID()}, {"hold", bystander.ID()}, {"session", ""}, {"link", secret}, {"hard link", theirs},
		{"directory", ""}, {"pipe", ""}, {"door", open}, {"signal", "-1"}, {"large file", ""}, {"unlinked", ""}, {"requests", ""}, {"sync", ""}, {"pair", letters},
		{"descriptors", "/dev/null"}, // after which it opens nothing any more
	} {
		text, err := attempt(t, p, c.name, c.target)
		if err != nil || !strings.HasPrefix(text, "refused: ") {
			t.Errorf("%s %s: %q, %v", c.name, c.target, text, err)
		}
		t.Logf("%s %s: %s", c.name, c.target, text)
	}
	for _, one := range []*pluginhost.Process{p, bystander} {
		if text, err := attempt(t, one, "nothing", ""); err != nil || text != "done" {
			t.Errorf("afterwards it says %q, %v", text, err)
		}
	}
	if _, err := os.Stat(secret); err != nil {
		t.Error(err)
	}
}

// proves PL5 and PL6: what a plugin cannot be refused ends it, and nobody else.
func TestHostileExcess(t *testing.T) {
	t.Parallel()
	// What is to be found out in time has time on a machine that others load; who spins has none.
	cfg := pluginhost.Config{Sources: []pluginhost.Source{attackerSource()}, CallTimeout: time.Minute, Limits: sandbox.Limits{Memory: 256 << 20, Threads: 64}}
	host := boxed(t, cfg)
	cfg.CallTimeout = 2 * time.Second
	hasty := boxed(t, cfg)
	bystander, err := host.Process(t.Context(), "attacker", "bystander")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]pluginhost.Kind{
		"memory": pluginhost.Crashed, "spin": pluginhost.Timeout, "threads": pluginhost.Crashed,
		"hidden memory": pluginhost.Overuse, "first thread": pluginhost.Overuse, "page tables": pluginhost.Overuse, "many files": pluginhost.Overuse,
		"nameless": pluginhost.Overuse,
	} {
		its := host
		if want == pluginhost.Timeout {
			its = hasty
		}
		p, err := its.Process(t.Context(), "attacker", name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := attempt(t, p, name, "")
		if err == nil {
			t.Errorf("%s: %s", name, text)
			continue
		}
		wantFault(t, err, want, "")
		if text, err := attempt(t, bystander, "nothing", ""); err != nil || text != "done" {
			t.Errorf("during %s the one beside it says %q, %v", name, text, err)
		}
	}
}

// proves PL5: what a plugin may hold is bounded from its first moment, also if it never
// comes to speak.
func TestHostileStart(t *testing.T) {
	t.Parallel()
	source := attackerSource()
	source.Args = []string{"hoard"}
	host := boxed(t, pluginhost.Config{Sources: []pluginhost.Source{source}, StartTimeout: time.Minute, Limits: sandbox.Limits{Memory: 256 << 20}})
	_, err := host.Process(t.Context(), "attacker", "shared")
	wantFault(t, err, pluginhost.Overuse, "MiB of memory")
}

// proves PL5: a plugin that computes for ever between its calls is ended, started again
// after a pause and at last left alone, each with the cause; the one beside it, which is
// bounded alike, answers all the time. Its priority is lower than the host's.
func TestHostileComputing(t *testing.T) {
	t.Parallel()
	host := boxed(t, pluginhost.Config{
		Sources: []pluginhost.Source{attackerSource()}, BackoffMin: time.Millisecond, BreakAfter: 2, CallTimeout: time.Minute,
		Processor: pluginhost.Processor{Burst: 300 * time.Millisecond, Interval: 20 * time.Millisecond, Nice: 3, Share: 0.01}, // of a machine that others load, too
	})
	bystander, err := host.Process(t.Context(), "attacker", "bystander")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p, err := host.Process(t.Context(), "attacker", "shared")
		if err != nil {
			t.Fatal(err)
		}
		if own, its := niceOf(t, os.Getpid()), niceOf(t, pidOf(t, p)); its != min(own+3, 19) {
			t.Errorf("its nice value is %d, and the host's %d", its, own)
		}
		if text, err := attempt(t, p, "spin on", ""); err != nil || text != "done" {
			t.Fatalf("it says %q, %v", text, err)
		}
		for rounds := 0; ; rounds++ {
			if text, err := attempt(t, bystander, "nothing", ""); err != nil || text != "done" {
				t.Fatalf("the one beside it says %q, %v", text, err)
			}
			select {
			case <-p.Done():
			case <-time.After(20 * time.Millisecond):
				continue
			}
			t.Logf("%v, after %d rounds of the one beside it", p.Err(), rounds)
			break
		}
		wantFault(t, p.Err(), pluginhost.Overuse, "of processor time in")
		wantFault(t, p.Err(), pluginhost.Overuse, "between its calls a strategy may use 1 % of a core")
	}
	_, err = host.Process(t.Context(), "attacker", "shared")
	wantFault(t, err, pluginhost.Broken, "it failed 2 times in a row")
	wantFault(t, err, pluginhost.Broken, "of processor time in")
	if err := bystander.Err(); err != nil {
		t.Error(err)
	}
}

// niceOf returns the nice value of a process.
func niceOf(tb testing.TB, pid int) int {
	tb.Helper()
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, pid)
	if err != nil {
		tb.Fatal(err)
	}
	return 20 - raw
}

// pidOf returns the process id as a number.
func pidOf(tb testing.TB, p *pluginhost.Process) int {
	tb.Helper()
	pid, err := strconv.Atoi(p.ID())
	if err != nil {
		tb.Fatal(err)
	}
	return pid
}

// proves PL5: a file that was changed after its sum was taken is not started,
// also if it is changed in place, and one that runs is not disturbed by that.
func TestHostileFileThatWasChanged(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile(attackerBinary)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "attacker")
	if err := os.WriteFile(file, body, 0o700); err != nil {
		t.Fatal(err)
	}
	host := boxed(t, pluginhost.Config{Sources: []pluginhost.Source{{Name: "attacker", Path: file}}})
	p, err := host.Process(t.Context(), "attacker", "first")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("tampered"), 4096); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = host.Process(t.Context(), "attacker", "second")
	wantFault(t, err, pluginhost.Tampered, "is not the file whose SHA-256 is")
	if text, err := attempt(t, p, "nothing", ""); err != nil || text != "done" {
		t.Errorf("the one that runs says %q, %v", text, err)
	}
}

// proves PL6: without a shim nothing is started where a sandbox is required, and
// where it is not, somebody is told loudly.
func TestSandboxPolicies(t *testing.T) {
	t.Parallel()
	require := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{attackerSource()}, Sandbox: sandbox.Require})
	_, err := require.Process(t.Context(), "attacker", "shared")
	wantFault(t, err, pluginhost.Start, "a whole sandbox is required")
	told := &log{}
	prefer := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{attackerSource()}, Logger: slog.New(slog.NewTextHandler(told, nil))})
	for _, key := range []string{"a", "b"} {
		if _, err := prefer.Process(t.Context(), "attacker", key); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(told.String(), "NOT SHUT IN WHOLLY"); n != 1 {
		t.Errorf("it was told %d times:\n%s", n, told)
	}
}

// proves PL1: a backtest in the sandbox is the one outside of it.
func TestBacktestInTheSandbox(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 20_000)
	outside, err := basicHost(t).Backtest(t.Context(), "basic", cfg, sourceOf(candles), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := boxed(t, pluginhost.Config{Sources: basicSources(t)}).Start(t.Context(), "basic")
	if err != nil {
		t.Fatal(err)
	}
	if !p.Manifest().Can(plugin.SharedMemory) {
		t.Error("it shares no memory")
	}
	inside, err := p.Backtest(t.Context(), cfg, sourceOf(candles), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := string(asJSON(t, outside)), string(asJSON(t, inside)); a != b {
		t.Errorf("outside\n%s\ninside\n%s", a, b)
	}
}

// wantFault is wantKind for the attacker.
func wantFault(tb testing.TB, err error, kind pluginhost.Kind, text string) {
	tb.Helper()
	if !errors.Is(err, &pluginhost.Error{Plugin: "attacker", Kind: kind}) || !strings.Contains(err.Error(), text) {
		tb.Errorf("the error is %v, want one of kind %s with %q", err, kind, text)
	}
}
