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

// patience is how long the start of the browser, a step or a condition may take: on a
// machine that others load, a page has taken more than a minute to come.
const patience = 4 * time.Minute

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
	// Its folder is not the test's: processes of the browser outlive it by a moment and
	// write to it, which fails a test that removes it. chromedp waits for them.
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.WSURLReadTimeout(patience),
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
				if overtaken(string(a.Value)) {
					continue
				}
				b.complain("console: %s %s", a.Value, a.Description)
			}
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.complain("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	}
}

// overtaken reports whether a line of the console says that a request was cut off for a
// newer one, as a form asks for that is changed while it is checked. htmx calls that an
// error; what has failed it says in another line, too.
func overtaken(line string) bool {
	return strings.HasPrefix(line, `"htmx:afterRequest,`) || strings.HasPrefix(line, `"htmx:sendAbort,`)
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
	ctx, cancel := context.WithTimeout(b.ctx, patience) // also of a page that answers nothing
	defer cancel()
	for {
		yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		if err == nil && yes {
			return
		}
		if ctx.Err() != nil { // an error may be a page that was just left, so only time ends this
			b.t.Fatalf("waiting until %s: %v\n%s", what, err, b.where())
		}
		chromedp.Do(ctx, chromedp.Sleep(50*time.Millisecond)) //nolint:errcheck,gosec // a cut pause is no harm
	}
}

// Elsewhere is a condition in JavaScript that holds once the page of the last Leave is left
// and the next one is there as a whole.
const Elsewhere = `(!window.leaving && document.readyState === "complete")`

// Leave does what leads to another page, such as sending a form, and returns once that
// one is there as a whole. A page may hear by its stream of what was done before the answer
// comes: what is done on it then is lost with it.
func (b *Tab) Leave(do func()) {
	b.t.Helper()
	Value[bool](b, `window.leaving = true`)
	do()
	b.Wait("the next page is there", Elsewhere)
}

// where describes the page for a failure, and what the browser has complained of.
func (b *Tab) where() string {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`location.href + ", " + document.readyState + "\n" + (document.body?.innerText ?? "nothing of the page is there yet").slice(0, 1500)`))
	if err != nil {
		text = err.Error()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complaints) > 0 {
		text += "\nthe browser complains:\n" + strings.Join(b.complaints, "\n")
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
