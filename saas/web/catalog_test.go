package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/saas/web"
	"github.com/lunobot/lunobot/saas/web/webtest"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// worldCatalog is a catalog on a database and a folder, of files that hold
// NAME@VERSION; how many bots its versions have the tests say.
type worldCatalog struct {
	*catalog.Service
	folder catalog.Folder
	dir    string
	schema *param.Schema

	mu   sync.Mutex
	uses []catalog.Use
}

func newWorldCatalog(t testing.TB, w *world, d *db.DB) *worldCatalog {
	t.Helper()
	c := &worldCatalog{dir: filepath.Join(t.TempDir(), "plugins"), schema: w.schema}
	c.folder = catalog.NewFolder(c.dir)
	var err error
	c.Service, err = catalog.NewService(catalog.Config{Events: noEvents{}, Folder: c.folder, Host: c, Now: w.now, Store: saasdb.New(d), Tx: d})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Inspect implements catalog.Inspector.
func (c *worldCatalog) Inspect(_ context.Context, path string) (pluginhost.Item, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return pluginhost.Item{}, err
	}
	name, version, _ := strings.Cut(strings.TrimSpace(string(raw)), "@")
	sum := sha256.Sum256(raw)
	return pluginhost.Item{Name: name, SHA256: hex.EncodeToString(sum[:]), Manifest: plugin.Manifest{
		Info:   strategy.Info{Name: name, Version: version, Title: strings.ToUpper(name[:1]) + name[1:], StateVersion: 1},
		Schema: c.schema, SDK: "0.1.0", Protocols: []int{1}, Capabilities: []plugin.Capability{plugin.Live, plugin.Backtest},
	}}, nil
}

// Uses implements web.Catalog.
func (c *worldCatalog) Uses(context.Context) ([]catalog.Use, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.uses, nil
}

func (c *worldCatalog) use(uses ...catalog.Use) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uses = uses
}

// put puts a version in; more makes it another file.
func (c *worldCatalog) put(t testing.TB, ref, more string) catalog.Entry {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(ref+more), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := c.Install(t.Context(), catalog.InstallInput{Path: path, By: "root", Publisher: "Ada <Ltd>"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (c *worldCatalog) entry(t testing.TB, ref catalog.Ref) catalog.Entry {
	t.Helper()
	list, err := c.Entries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Ref == ref {
			return e
		}
	}
	return catalog.Entry{}
}

// machine is a server that contains one strategy and has a whole sandbox.
func (w *world) machine(context.Context) web.Machine {
	return web.Machine{
		Contained: []web.Strategy{{Name: "basic", Version: "1.0.0", Title: "Moving-average cross", Schema: w.schema}},
		Active:    []string{"namespaces", "landlock", "seccomp"},
	}
}

// operator is an administrator of the installation at a browser.
func (w *world) operator(t testing.TB, server *httptest.Server) *browser {
	t.Helper()
	token, ok, err := w.people.AdminLink(t.Context())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	b := visit(t, server)
	form := url.Values{"email": {"root@example.com"}, "password": {"correct horse battery"}, "first_name": {"Grace"}, "last_name": {"Hopper"}}
	if a := b.post("/setup/"+token, form); a.status != http.StatusSeeOther {
		t.Fatalf("setting up: %d %s", a.status, a.body)
	}
	return b
}

const catalogPath = "/admin/strategies"

// For everybody but administrators of the installation there is no such page, and
// another site's page can do nothing with an administrator's session.
func TestCatalogPageIsForAdministrators(t *testing.T) { // proves C2
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	root, owner, stranger := w.operator(t, server), w.member(t, server, "ada@example.com"), visit(t, server)
	e := w.catalog.put(t, "demo@1.0.0", "")
	one := catalogPath + "/demo/1.0.0"
	reads, writes := []string{catalogPath, one + "/revoke", one + "/remove"}, []string{one + "/approve", one + "/revoke", one + "/isolation", one + "/remove"}
	form := url.Values{"isolation": {"bot"}, "sha256": {e.SHA256}}
	for _, path := range reads {
		if a := owner.get(path); a.status != http.StatusNotFound || strings.Contains(a.body, "Revoke") {
			t.Errorf("GET %s of an owner: %d", path, a.status)
		}
		if a := stranger.get(path); a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/signin") {
			t.Errorf("GET %s of a visitor: %d", path, a.status)
		}
		if a := root.get(path); a.status != http.StatusOK {
			t.Errorf("GET %s of an administrator: %d", path, a.status)
		}
	}
	for _, path := range writes {
		if a := owner.post(path, form); a.status != http.StatusNotFound {
			t.Errorf("POST %s of an owner: %d", path, a.status)
		}
		if a := stranger.post(path, form); a.status != http.StatusSeeOther || a.header.Get("Location") != "/signin" {
			t.Errorf("POST %s of a visitor: %d", path, a.status)
		}
		if a := root.do(http.MethodPost, path, form, map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}); a.status != http.StatusForbidden {
			t.Errorf("POST %s from another site: %d", path, a.status)
		}
		if a := root.get(path); path != one+"/revoke" && path != one+"/remove" && a.status == http.StatusOK {
			t.Errorf("GET %s: %d", path, a.status)
		}
	}
	if now := w.catalog.entry(t, e.Ref); now.Status != catalog.Installed || now.Isolation != catalog.Shared {
		t.Errorf("it is %s with %s", now.Status, now.Isolation)
	}
	if a := owner.get("/settings"); strings.Contains(a.body, catalogPath) {
		t.Error("an owner is shown the way to the catalog")
	}
	root.get("/settings").want(t, "the way to the catalog", http.StatusOK, `href="`+catalogPath+`"`)
	if a := root.get(catalogPath + "/demo/9.0.0/revoke"); a.status != http.StatusNotFound {
		t.Errorf("a version that never was: %d", a.status)
	}
}

// An empty catalog says how one is put in.
func TestCatalogPageWithoutPlugins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.operator(t, serve(t, w.config()))
	w.catalog.use(catalog.Use{Ref: catalog.Ref{Name: "basic"}, Bots: 2, Running: 1})
	root.get(catalogPath).want(t, "the empty catalog", http.StatusOK, "No strategies have been put in", "lunobot plugin install FILE", "Built in", "2 bots, 1 running", `href="/strategies/basic"`, "None runs now", "Nothing was changed yet")
}

// proves PL5: the page shows each version's state, file, people and bots; what is
// wrong with a file; files that nobody put in; and processes.
func TestCatalogPageShowsAllThatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	c := w.catalog
	cfg := w.config()
	cfg.Machine = func(ctx context.Context) web.Machine {
		m := w.machine(ctx)
		m.Active, m.Missing = []string{"landlock"}, []string{"namespaces", "seccomp"}
		m.Processes = []web.Process{
			{Ref: catalog.Ref{Name: "basic"}, For: "shared", ID: "41", Bots: 1_234, Started: w.now().Add(-time.Hour)},
			{Ref: catalog.Ref{Name: "demo", Version: "1.0.0"}, For: "tenant", Of: "tenant-7", ID: "42", Bots: 3, Started: w.now()},
			{Ref: catalog.Ref{Name: "demo", Version: "1.0.0"}, For: "alone", ID: "43", Started: w.now()},
		}
		return m
	}
	root := w.operator(t, serve(t, cfg))
	good, lost, waits, bad := c.put(t, "demo@1.0.0", ""), c.put(t, "demo@1.1.0", ""), c.put(t, "demo@1.2.0-rc.1", ""), c.put(t, "other@2.0.0", "")
	for _, e := range []catalog.Entry{good, lost, bad} {
		if _, err := c.Approve(ctx, e.Ref, "bo@example.com"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Revoke(ctx, bad.Ref, "bo@example.com", "it <loses>"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.folder.Path(lost.Ref, lost.SHA256)); err != nil {
		t.Fatal(err)
	}
	loose := filepath.Join(c.dir, "loose <file>")
	if err := os.WriteFile(loose, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	c.use(catalog.Use{Ref: good.Ref, Bots: 5, Running: 3}, catalog.Use{Ref: bad.Ref, Bots: 1})
	a := root.get(catalogPath)
	a.want(t, "the catalog", http.StatusOK,
		good.SHA256, "waiting for approval", ">approved<", ">revoked<", ">unusable<", "demo 1.1.0 cannot be used: its file is gone.", "from Ada &lt;Ltd&gt;", "by bo@example.com",
		"it &lt;loses&gt;", "5 bots, 3 running", "1 bot, 0 running", "no bots", "loose &lt;file&gt;", "3.0 MiB", "lunobot plugin install "+c.dir,
		"not shut in wholly on this server: run none that you do not trust", "The sandbox lacks namespaces, seccomp.", "one tenant", "tenant-7", "a backtest or a replay", "put in")
	if n := strings.Count(a.body, "Approve</button>"); n != 1 { // not of the one without a file
		t.Errorf("%d versions can be approved", n)
	}
	if waitsAt, goodAt := strings.Index(a.body, waits.SHA256), strings.Index(a.body, good.SHA256); waitsAt > goodAt {
		t.Error("an older version stands before a newer one")
	}
	root.get(catalogPath+"/demo/1.0.0/revoke").want(t, "the question", http.StatusOK, "3 bots run with it and pause within seconds. 2 more bots cannot be started with it.", "Revoke, 3 bots pause")
	root.get(catalogPath+"/demo/1.0.0/remove").want(t, "what is pinned", http.StatusOK, "demo@1.0.0 cannot be removed", "5 bots are pinned to it")
	root.get(catalogPath+"/demo/1.2.0-rc.1/remove").want(t, "the question", http.StatusOK, "Remove demo@1.2.0-rc.1?")
}

// Each button does what it says, writes down who, and a refusal says why.
func TestCatalogIsChangedByItsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.operator(t, serve(t, w.config()))
	e := w.catalog.put(t, "demo@1.0.0", "")
	one := catalogPath + "/demo/1.0.0"
	do := func(what string, form url.Values, notice string) catalog.Entry {
		t.Helper()
		if a := root.post(one+"/"+what, form); a.status != http.StatusSeeOther || a.header.Get("Location") != catalogPath+"?notice="+notice {
			t.Fatalf("%s: %d to %s: %s", what, a.status, a.header.Get("Location"), a.body)
		}
		return w.catalog.entry(t, e.Ref)
	}
	if now := do("approve", url.Values{"sha256": {e.SHA256}}, "strategy-approved"); now.Status != catalog.Approved || now.ApprovedBy != "root@example.com" {
		t.Errorf("approved: %+v", now)
	}
	if now := do("isolation", url.Values{"isolation": {"tenant"}}, "strategy-isolated"); now.Isolation != catalog.PerTenant {
		t.Errorf("isolated: %+v", now)
	}
	if now := do("revoke", url.Values{"reason": {" it loses "}}, "strategy-revoked"); now.Status != catalog.Revoked || now.RevokedBy != "root@example.com" || now.Reason != "it loses" {
		t.Errorf("revoked: %+v", now)
	}
	root.post(one+"/revoke", url.Values{}).want(t, "a second revocation", http.StatusConflict, "Demo@1.0.0 is revoked and not approved.")
	root.post(one+"/isolation", url.Values{"isolation": {"planet"}}).want(t, "no isolation", http.StatusUnprocessableEntity, "&#34;planet&#34; is not shared, tenant or bot")
	root.post(one+"/revoke", url.Values{"reason": {strings.Repeat("x", 201)}}).want(t, "a long reason", http.StatusUnprocessableEntity, "at most 200 characters")

	// Another file under the same version is not approved by who saw the first.
	if now := do("remove", url.Values{}, "strategy-removed"); now.SHA256 != "" {
		t.Errorf("removed: %+v", now)
	}
	w.catalog.put(t, "demo@1.0.0", "\n")
	root.post(one+"/approve", url.Values{"sha256": {e.SHA256}}).want(t, "another file", http.StatusPreconditionFailed, "has another file by now")
	next := w.catalog.entry(t, e.Ref)
	if err := errors.Join(os.Chmod(w.catalog.folder.Path(next.Ref, next.SHA256), 0o600), os.WriteFile(w.catalog.folder.Path(next.Ref, next.SHA256), []byte("evil"), 0o600)); err != nil {
		t.Fatal(err)
	}
	root.post(one+"/approve", url.Values{"sha256": {next.SHA256}}).want(t, "a changed file", http.StatusConflict, "its file was changed since it was put in") // proves PL5
	if a := root.post(catalogPath+"/demo/9.0.0/approve", url.Values{}); a.status != http.StatusNotFound {
		t.Errorf("a version that never was: %d", a.status)
	}
	if now := w.catalog.entry(t, e.Ref); now.Status != catalog.Installed {
		t.Errorf("it is %s", now.Status)
	}
	changes, err := w.catalog.Changes(t.Context(), 10)
	if err != nil || len(changes) != 6 {
		t.Errorf("%d changes, %v", len(changes), err)
	}
}

// An administrator approves and revokes with a keyboard and a mouse, on a phone.
func TestCatalogPageInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	root := w.operator(t, server)
	e := w.catalog.put(t, "demo@1.0.0", "")
	w.catalog.use(catalog.Use{Ref: e.Ref, Bots: 4, Running: 2})
	tab := webtest.Open(t)
	root.signIn(tab)
	tab.Size(360, 740)
	tab.Run(chromedp.Navigate(server.URL+catalogPath), chromedp.Click(chromedp.CSS(`form[action$="/approve"] button`)))
	tab.Wait("the approval is told", `document.querySelector(".banner.ok")?.textContent.includes("Approved.")`)
	if now := w.catalog.entry(t, e.Ref); now.Status != catalog.Approved {
		t.Errorf("it is %s", now.Status)
	}
	tab.Run(chromedp.Click(chromedp.CSS(`a[href$="/revoke"]`)))
	tab.Wait("it says what pauses", `document.getElementById("pauses")?.textContent.startsWith("2 bots run with it and pause")`)
	tab.Run(chromedp.SendKeys(chromedp.CSS("#reason"), "it loses"), chromedp.Click(chromedp.CSS(`form[action$="/revoke"] button`)))
	tab.Wait("the revocation is told", `document.querySelector(".banner.ok")?.textContent.includes("Revoked.") && document.body.textContent.includes("it loses")`)
	if webtest.Value[bool](tab, `document.documentElement.scrollWidth > innerWidth + 1`) {
		t.Error("the page is wider than the window")
	}
	tab.Check()
}

// shownCatalog is a catalog in every state, for pictures.
func (w *world) shownCatalog(t *testing.T) {
	for range 3 {
		if _, err := w.runs.PutHang(t.Context(), "tenant-1", research.NewHang("demo", "1.1.0", w.now(), time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	t.Helper()
	c, ctx := w.catalog, t.Context()
	var list []catalog.Entry
	for _, ref := range []string{"demo@1.0.0", "demo@1.1.0", "demo@2.0.0-rc.1", "trend-follower-with-a-long-name@0.9.0", "zigzag@3.1.4"} {
		list = append(list, c.put(t, ref, ""))
	}
	must := func(_ catalog.Entry, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []int{0, 1, 3, 4} {
		must(c.Approve(ctx, list[i].Ref, "grace.hopper@example.com"))
	}
	must(c.Revoke(ctx, list[0].Ref, "grace.hopper@example.com", "It buys twice where a candle is missing; 1.1.0 does not."))
	must(c.Isolate(ctx, list[1].Ref, "grace.hopper@example.com", catalog.PerTenant))
	if err := errors.Join(os.Remove(c.folder.Path(list[4].Ref, list[4].SHA256)), os.WriteFile(filepath.Join(c.dir, "demo-copied-by-hand"), make([]byte, 14_680_064), 0o600)); err != nil {
		t.Fatal(err)
	}
	c.use(catalog.Use{Ref: catalog.Ref{Name: "basic"}, Bots: 1_204, Running: 877}, catalog.Use{Ref: list[0].Ref, Bots: 3, Running: 2}, catalog.Use{Ref: list[1].Ref, Bots: 12, Running: 9})
}

// shownMachine is a server whose sandbox lacks a part, for pictures.
func (w *world) shownMachine(ctx context.Context) web.Machine {
	m := w.machine(ctx)
	m.Active, m.Missing = []string{"landlock", "seccomp"}, []string{"namespaces"}
	for i, of := range []web.Process{{Ref: catalog.Ref{Name: "basic"}, For: "shared", Bots: 877}, {Ref: catalog.Ref{Name: "basic"}, For: "alone"},
		{Ref: catalog.Ref{Name: "demo", Version: "1.1.0"}, For: "tenant", Of: "0197e1a2-6f00-7a00-8000-000000000005", Bots: 9}, {Ref: catalog.Ref{Name: "demo", Version: "1.1.0"}, For: "checking"}} {
		of.ID, of.Started = fmt.Sprint(4_211+i*17), w.now().Add(-time.Duration(i*i*40)*time.Minute)
		m.Processes = append(m.Processes, of)
	}
	return m
}
