package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
)

// Catalog is what administrators of the installation do with strategies that were
// put in. Files are put in on the machine and never by a request: a stolen session
// must not bring a program in.
type Catalog interface {
	Entries(ctx context.Context) ([]catalog.Entry, error)
	// Verify reports what is wrong with an entry on this server, as a
	// *catalog.UnusableError.
	Verify(e catalog.Entry) error
	Uses(ctx context.Context) ([]catalog.Use, error)
	Strays(ctx context.Context) ([]catalog.Stray, error)
	Changes(ctx context.Context, limit int) ([]catalog.Change, error)
	ApproveFile(ctx context.Context, ref catalog.Ref, sum, by string) (catalog.Entry, error)
	Revoke(ctx context.Context, ref catalog.Ref, by, reason string) (catalog.Entry, error)
	Isolate(ctx context.Context, ref catalog.Ref, by string, to catalog.Isolation) (catalog.Entry, error)
	Remove(ctx context.Context, ref catalog.Ref, by string) error
}

// Machine is how this server runs strategies.
type Machine struct {
	// Contained are the strategies that the program contains.
	Contained []Strategy
	// Active and Missing are the parts of the sandbox that this system has and lacks.
	Active, Missing []string
	Processes       []Process
}

// Process is a strategy's process on this server.
type Process struct {
	// Ref is the version; without one it is what the program contains.
	catalog.Ref
	// For says whose bots it serves: "shared", "tenant" or "bot"; "checking" if it
	// looks at parameters, and "alone" if it serves one backtest or replay. Of is the
	// tenant or the bot.
	For, Of string
	// ID is the system's process id.
	ID      string
	Bots    int
	Started time.Time
}

// maxChanges is how many lines of the log are shown.
const maxChanges = 100

// catalogPage is the page of the strategies that were put in.
type catalogPage struct {
	Machine
	Strategies []catalogGroup
	// PutIn is false if there is nothing but what the program contains.
	PutIn bool
	// BuiltIn is true if a strategy is there of which no version was put in.
	BuiltIn bool
	Strays  []strayRow
	// Hung are the versions whose backtests hung lately.
	Hung    []research.HungVersion
	Running []processRow
	Changes []changeRow
	// Error is why something was not done.
	Error string
}

// catalogGroup is a strategy with its versions, the newest first.
type catalogGroup struct {
	Name, Title string
	Versions    []versionRow
}

// PutIn reports whether a version of it was put in.
func (g catalogGroup) PutIn() bool {
	return slices.ContainsFunc(g.Versions, func(r versionRow) bool { return !r.Contained })
}

// versionRow is a version of a strategy.
type versionRow struct {
	catalog.Entry
	Contained bool
	// Fault says why it cannot be used on this server, though it may be approved.
	Fault string
	// Bots are pinned to it, and Running of them run.
	Bots, Running int
}

// State is where the version stands, in words.
func (r versionRow) State() string {
	switch {
	case r.Contained:
		return "built in"
	case r.Fault != "":
		return "unusable"
	case r.Status == catalog.Installed:
		return "waiting for approval"
	}
	return string(r.Status)
}

// Tone is how the state is shown.
func (r versionRow) Tone() string {
	switch {
	case r.Fault != "":
		return "bad"
	case r.Status == catalog.Approved:
		return "ok"
	case r.Status == catalog.Installed:
		return "warn"
	}
	return ""
}

// Path is where what is done to the version is posted.
func (r versionRow) Path() string { return "/admin/strategies/" + r.Name + "/" + r.Version }

// Put, Approval and Revocation are when it was put in, approved and revoked.
func (r versionRow) Put() moment        { return moment{r.InstalledAt} }
func (r versionRow) Approval() moment   { return moment{r.ApprovedAt} }
func (r versionRow) Revocation() moment { return moment{r.RevokedAt} }

// SizeText is the length of its file in words.
func (r versionRow) SizeText() string { return sizeText(r.Size) }

// BotsText is how many bots it has, in words.
func (r versionRow) BotsText() string {
	if r.Bots == 0 {
		return "no bots"
	}
	return counted(r.Bots, "bot", "bots") + ", " + exchange.Grouped(fmt.Sprint(r.Running)) + " running"
}

// Isolations are the choices of the least isolation.
func (versionRow) Isolations() []catalog.Isolation { return catalog.Isolations() }

// Pause says what a revocation does to the version's bots.
func (r versionRow) Pause() string {
	switch idle := r.Bots - r.Running; {
	case r.Bots == 0:
		return "No bot uses it."
	case r.Running == 0:
		return counted(r.Bots, "bot is", "bots are") + " pinned to it. None of them runs: none can be started with it."
	case idle == 0:
		return counted(r.Running, "bot runs with it and pauses", "bots run with it and pause") + " within seconds."
	default:
		return counted(r.Running, "bot runs with it and pauses", "bots run with it and pause") + " within seconds. " + counted(idle, "more bot", "more bots") + " cannot be started with it."
	}
}

// counted writes a number with its noun and verb.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return exchange.Grouped(fmt.Sprint(n)) + " " + many
}

// strayRow is a file that nobody put in.
type strayRow struct{ catalog.Stray }

// SizeText is its length in words.
func (r strayRow) SizeText() string { return sizeText(r.Size) }

// Placed reports whether it lies where the file of a version would.
func (r strayRow) Placed() bool { return r.Ref != catalog.Ref{} }

// processRow is a process with its age.
type processRow struct{ Process }

// Since is when it began.
func (r processRow) Since() moment { return moment{r.Started} }

// Whose says whose bots it serves.
func (r processRow) Whose() string {
	switch r.For {
	case "shared":
		return "all that share it"
	case "tenant":
		return "one tenant"
	case "bot":
		return "one bot"
	case "checking":
		return "nobody: it checks parameters"
	case "alone":
		return "nobody: a backtest or a replay"
	}
	return r.For
}

// changeRow is a line of the log.
type changeRow struct{ catalog.Change }

// When is when it was done.
func (r changeRow) When() moment { return moment{r.At} }

// What is what was done, in words.
func (r changeRow) What() string {
	switch r.Action {
	case catalog.EventInstalled:
		return "put in"
	case catalog.EventApproved:
		return "approved"
	case catalog.EventRevoked:
		return "revoked"
	case catalog.EventRemoved:
		return "removed"
	case catalog.EventIsolated:
		return "isolation set"
	}
	return r.Action
}

// sizeText writes a length in bytes as people read it.
func sizeText(n int64) string {
	const mib = 1 << 20
	if n < mib {
		return exchange.Grouped(fmt.Sprint(n)) + " bytes"
	}
	return exchange.Grouped(fmt.Sprintf("%d.%d", n/mib, n%mib*10/mib)) + " MiB"
}

// adminOnly keeps everybody but administrators of the installation from seeing that
// there is such a page, whatever their role in a tenant.
func adminOnly(h handler) handler {
	return func(rq *request) error {
		if !rq.who.PlatformAdmin {
			return errNoPage()
		}
		return h(rq)
	}
}

func (w *Web) catalog(rq *request) error { return w.showCatalog(rq, http.StatusOK, "") }

// showCatalog renders the page, with why something was not done.
func (w *Web) showCatalog(rq *request, status int, problem string) error {
	p := catalogPage{Machine: w.cfg.Machine(rq.Context()), Error: problem}
	rows, err := w.versionRows(rq, p.Machine)
	if err != nil {
		return err
	}
	p.PutIn = slices.ContainsFunc(rows, func(r versionRow) bool { return !r.Contained })
	p.Strategies = byName(rows)
	p.BuiltIn = slices.ContainsFunc(p.Strategies, func(g catalogGroup) bool { return !g.PutIn() })
	strays, err := w.cfg.Catalog.Strays(rq.Context())
	if err != nil {
		return err
	}
	for _, s := range strays {
		p.Strays = append(p.Strays, strayRow{s})
	}
	if p.Hung, err = w.cfg.Research.HungVersions(rq.Context()); err != nil {
		return err
	}
	for _, one := range p.Processes {
		p.Running = append(p.Running, processRow{one})
	}
	changes, err := w.cfg.Catalog.Changes(rq.Context(), maxChanges)
	if err != nil {
		return err
	}
	for _, c := range changes {
		p.Changes = append(p.Changes, changeRow{c})
	}
	return w.page(rq, status, "admin/strategies", view{Title: "Strategy catalog", Nav: "admin", D: p})
}

// versionRows lists what was put in, and what the program contains.
func (w *Web) versionRows(rq *request, m Machine) ([]versionRow, error) {
	entries, err := w.cfg.Catalog.Entries(rq.Context())
	if err != nil {
		return nil, err
	}
	uses, err := w.cfg.Catalog.Uses(rq.Context())
	if err != nil {
		return nil, err
	}
	byRef := make(map[catalog.Ref]catalog.Use, len(uses))
	for _, u := range uses {
		byRef[u.Ref] = u
	}
	var rows []versionRow
	for _, s := range m.Contained {
		u := byRef[catalog.Ref{Name: s.Name}] // bots of it are pinned to no version
		one := versionRow{Contained: true, Bots: u.Bots, Running: u.Running}
		one.Name, one.Version, one.Manifest.Title = s.Name, s.Version, s.Title
		rows = append(rows, one)
	}
	for _, e := range entries {
		one := versionRow{Entry: e, Bots: byRef[e.Ref].Bots, Running: byRef[e.Ref].Running}
		if bad := w.cfg.Catalog.Verify(e); bad != nil {
			one.Fault = bad.Error() + "."
		}
		rows = append(rows, one)
	}
	return rows, nil
}

// byName puts versions of one name together, in the order of the names; those of
// one name stay in their order.
func byName(rows []versionRow) []catalogGroup {
	slices.SortStableFunc(rows, func(a, b versionRow) int { return cmp.Compare(a.Name, b.Name) })
	var groups []catalogGroup
	for _, r := range rows {
		if n := len(groups); n == 0 || groups[n-1].Name != r.Name {
			groups = append(groups, catalogGroup{Name: r.Name, Title: cmp.Or(r.Manifest.Title, r.Name)})
		}
		last := &groups[len(groups)-1]
		last.Versions = append(last.Versions, r)
	}
	return groups
}

// entryPath is the version that the address names.
func entryPath(rq *request) catalog.Ref {
	return catalog.Ref{Name: rq.PathValue("name"), Version: rq.PathValue("version")}
}

// confirmEntry asks before a version is revoked or removed.
func (w *Web) confirmEntry(page, title string) handler {
	return func(rq *request) error {
		rows, err := w.versionRows(rq, Machine{})
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rows, func(r versionRow) bool { return r.Ref == entryPath(rq) })
		if i < 0 {
			return errNoPage()
		}
		return w.page(rq, http.StatusOK, page, view{Title: title + " " + rows[i].Ref.String(), Nav: "admin", D: rows[i]})
	}
}

// changeEntry does something to a version; a refusal is shown on the page.
func (w *Web) changeEntry(notice string, do func(rq *request, ref catalog.Ref) error) handler {
	return func(rq *request) error {
		err := do(rq, entryPath(rq))
		switch {
		case err == nil:
			return rq.redirect("/admin/strategies?notice=" + notice)
		case errs.KindOf(err) == errs.Conflict, errs.KindOf(err) == errs.Stale, errs.KindOf(err) == errs.Invalid:
			return w.showCatalog(rq, describe(err).Status, refusalOf(err))
		}
		return err
	}
}

// refusalOf is an error's sentence, with its faulty fields.
func refusalOf(err error) string {
	text := messageOf(err)
	bad, _ := faultsOf(err)
	for place, reason := range bad {
		text += " " + strings.ReplaceAll(place, "/", " ") + ": " + reason
	}
	return text
}

func (w *Web) approveEntry(rq *request, ref catalog.Ref) error {
	_, err := w.cfg.Catalog.ApproveFile(rq.Context(), ref, rq.PostFormValue("sha256"), rq.who.Email)
	return err
}

func (w *Web) revokeEntry(rq *request, ref catalog.Ref) error {
	_, err := w.cfg.Catalog.Revoke(rq.Context(), ref, rq.who.Email, strings.TrimSpace(rq.PostFormValue("reason")))
	return err
}

func (w *Web) isolateEntry(rq *request, ref catalog.Ref) error {
	_, err := w.cfg.Catalog.Isolate(rq.Context(), ref, rq.who.Email, catalog.Isolation(rq.PostFormValue("isolation")))
	return err
}

func (w *Web) removeEntry(rq *request, ref catalog.Ref) error {
	return w.cfg.Catalog.Remove(rq.Context(), ref, rq.who.Email)
}
