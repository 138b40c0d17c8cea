package webtest

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// patience is how long a step or a condition may take.
const patience = time.Minute

// Tab is a page in a real browser. It is for one goroutine.
type Tab struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// Open starts a browser with one tab, which goes with the test.
func Open(t testing.TB) *Tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		machine.Missing(t, "Chromium", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	b := &Tab{t: t}
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(b.hear))
	t.Cleanup(cancel)
	b.ctx = ctx
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	return b
}

// hear notes what the browser complains of.
func (b *Tab) hear(e any) {
	switch e := e.(type) {
	case *runtime.EventExceptionThrown:
		b.complain("exception: %+v", e.ExceptionDetails)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, a := range e.Args {
				b.complain("console: %s %s", a.Value, a.Description)
			}
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.complain("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	}
}

func (b *Tab) complain(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, fmt.Sprintf(format, args...))
}

// Check fails the test with what the browser complained of since the last
// Check, except for complaints that hold one of the texts.
func (b *Tab) Check(except ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	list := slices.DeleteFunc(b.complaints, func(c string) bool {
		return slices.ContainsFunc(except, func(text string) bool { return strings.Contains(c, text) })
	})
	if len(list) > 0 {
		b.t.Errorf("the browser complains:\n%s", strings.Join(list, "\n"))
	}
	b.complaints = nil
}

// Run runs actions one after the other; one that fails ends the test, with the
// page's address and the beginning of its text.
func (b *Tab) Run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for _, action := range actions {
		err := chromedp.Do(ctx, action)
		// A page that renews itself may take an element away between the look for
		// it and the use of it; whoever sits before it would click again.
		for err != nil && strings.Contains(err.Error(), "Could not find node") && ctx.Err() == nil {
			err = chromedp.Do(ctx, action)
		}
		if err != nil {
			b.t.Fatalf("%v\n%s", err, b.where())
		}
	}
}

// Wait returns once a condition in JavaScript holds, on this page or on one
// that it leads to; what names it.
func (b *Tab) Wait(what, condition string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		yes, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		if err == nil && yes {
			return
		}
		if time.Now().After(deadline) { // an error may be a page that was just left, so only time ends this
			b.t.Fatalf("waiting until %s: %v\n%s", what, err, b.where())
		}
		chromedp.Do(b.ctx, chromedp.Sleep(50*time.Millisecond)) //nolint:errcheck,gosec // a cut pause is no harm
	}
}

// where describes the page for a failure.
func (b *Tab) where() string {
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 1500)`))
	if err != nil {
		return err.Error()
	}
	return text
}

// Value evaluates an expression in the page.
func Value[T any](b *Tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("evaluating %s: %v", expression, err)
	}
	return v
}

// Size gives the window a size in px; below 700 px it is a phone's.
func (b *Tab) Size(width, height int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 700,
	})
}

// Theme makes the system prefer "light" or "dark".
func (b *Tab) Theme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

// Draw returns once the browser has drawn what the page did until then, and what
// that led to.
func (b *Tab) Draw() {
	b.t.Helper()
	const twoFrames = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](twoFrames, chromedp.EvalAwaitPromise)); err != nil {
		b.t.Fatalf("drawing: %v\n%s", err, b.where())
	}
}

// Cookie sets a cookie for an address.
func (b *Tab) Cookie(name, value, url string) {
	b.t.Helper()
	call(b, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: url})
}

// ClearCookies forgets all cookies.
func (b *Tab) ClearCookies() {
	b.t.Helper()
	call(b, network.ClearBrowserCookies, cdp.Empty{})
}

// Picture returns a PNG of the whole page, or of the window only.
func (b *Tab) Picture(whole bool) []byte {
	b.t.Helper()
	take := chromedp.CaptureScreenshot()
	if whole {
		take = chromedp.FullScreenshot(100)
	}
	picture, err := chromedp.Run(b.ctx, take)
	if err != nil {
		b.t.Fatal(err)
	}
	return picture
}

// call sends a command of the browser's protocol.
func call[P, R any](b *Tab, c cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, c, params) }); err != nil {
		b.t.Fatal(err)
	}
}
