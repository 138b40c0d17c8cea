package pluginhost_test

import (
	"bufio"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// debugging starts the plugin as its author does and returns what it prints for
// hosts, and what interrupts it and waits for its end.
func debugging(t *testing.T) (plugin.Attachment, func()) {
	t.Helper()
	directory, err := os.MkdirTemp("", "pd-") //nolint:usetesting // the path of the test's own is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	c := exec.CommandContext(t.Context(), binary, "-debug")
	c.Env = append(os.Environ(), "TMPDIR="+directory)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		name, text, ok := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		if ok && name == "export "+plugin.AttachVariable {
			a, err := plugin.ParseAttachment(strings.Trim(text, "'"))
			if err != nil {
				t.Fatal(err)
			}
			if whole, err := plugin.ParseAttachment(lines.Text()); err != nil || whole != a {
				t.Errorf("the whole line gives %+v, %v, want %+v", whole, err, a)
			}
			return a, func() {
				if err := c.Process.Signal(os.Interrupt); err != nil {
					t.Fatal(err)
				}
				for lines.Scan() {
				}
				if err := c.Wait(); err != nil {
					t.Errorf("interrupted it ended with %v", err)
				}
				if left, _ := filepath.Glob(filepath.Join(directory, "*")); len(left) > 0 {
					t.Errorf("it leaves %v", left)
				}
			}
		}
	}
	t.Fatal("it prints nothing for a host")
	return plugin.Attachment{}, nil
}

func TestHostsAttachToAStrategyThatWaits(t *testing.T) {
	t.Parallel()
	a, interrupt := debugging(t)
	if _, err := pluginhost.New(pluginhost.Config{Sources: []pluginhost.Source{pluginhost.Attached(a)}}); err == nil || !strings.Contains(err.Error(), "Config.Attach") {
		t.Fatalf("a host that does not allow it says %v", err)
	}
	if _, err := pluginhost.New(pluginhost.Config{Attach: true, Sources: []pluginhost.Source{pluginhost.Attached(a)}}); err == nil || !strings.Contains(err.Error(), "sandbox must be off to attach") {
		t.Fatalf("a host that shuts plugins in says %v", err)
	}
	var printed log
	for i := range 2 { // one host after another
		host := newHost(t, pluginhost.Config{
			Attach: true, Sandbox: sandbox.Off, Logger: slog.New(slog.NewTextHandler(&printed, nil)), Sources: []pluginhost.Source{pluginhost.Attached(a)},
		})
		p, err := host.Process(t.Context(), "hostile@1.0.0", "shared")
		if err != nil {
			t.Fatal(err)
		}
		round := candle(0, open(t, p, input(""))...)
		if err := p.Live(t.Context(), round); err != nil || round.Reactions[0].Commands[0].Text != "candle 1" {
			t.Fatalf("host %d gets %+v, %v", i, round.Reactions, err)
		}
		host.Stop()
		wantKeyKind(t, p.Err(), pluginhost.Stopped)
	}
	if !strings.Contains(printed.String(), "level=WARN") || !strings.Contains(printed.String(), "ATTACHING") {
		t.Errorf("the log does not warn:\n%s", printed.String())
	}
	host := newHost(t, pluginhost.Config{Attach: true, Sandbox: sandbox.Off, HealthInterval: 20 * time.Millisecond, Sources: []pluginhost.Source{pluginhost.Attached(a)}})
	p, err := host.Process(t.Context(), "hostile@1.0.0", "shared")
	if err != nil {
		t.Fatal(err)
	}
	interrupt()
	<-p.Done()
	wantKeyKind(t, p.Err(), pluginhost.Crashed)
	if _, err := host.Start(t.Context(), "hostile@1.0.0"); err == nil || !strings.Contains(err.Error(), a.Socket) || !strings.Contains(err.Error(), "start it again with -debug") {
		t.Errorf("once it has ended, attaching gives %v", err)
	}
}

func wantKeyKind(t *testing.T, err error, kind pluginhost.Kind) {
	t.Helper()
	if fault, ok := err.(*pluginhost.Error); !ok || fault.Kind != kind || fault.Plugin != "hostile@1.0.0" { //nolint:errorlint // Err returns nothing else
		t.Errorf("the error is %v, want one of kind %s", err, kind)
	}
}

func TestAttachmentsNameAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := plugin.ParseAttachment(`{"name":"../x","version":"1","protocol":7,"socket":"x"}`)
	for _, want := range []string{"no strategy", "protocol 7 and this host 1", "no absolute path"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it says %v, want %q", err, want)
		}
	}
	if _, err := plugin.ParseAttachment("basic"); err == nil || !strings.Contains(err.Error(), "-debug") {
		t.Errorf("what is no attachment gave %v", err)
	}
}
