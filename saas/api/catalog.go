package api

import (
	"context"
	"net/http"
	"time"

	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/tenancy"
)

// Catalog is what administrators of the installation do with strategies that were
// put in; *catalog.Service is one. Files are put in on the machine and never by a
// request: a stolen session must not bring a program in.
type Catalog interface {
	Entries(ctx context.Context) ([]catalog.Entry, error)
	Verify(e catalog.Entry) error
	Pins(ctx context.Context, ref catalog.Ref) ([]catalog.Pin, error)
	Strays(ctx context.Context) ([]catalog.Stray, error)
	Changes(ctx context.Context, limit int) ([]catalog.Change, error)
	Approve(ctx context.Context, ref catalog.Ref, by string) (catalog.Entry, error)
	Revoke(ctx context.Context, ref catalog.Ref, by, reason string) (catalog.Entry, error)
	Isolate(ctx context.Context, ref catalog.Ref, by string, to catalog.Isolation) (catalog.Entry, error)
	Remove(ctx context.Context, ref catalog.Ref, by string) error
}

// installedView is a version that was put in, as the API shows it.
type installedView struct {
	Name        string     `json:"name" doc:"The strategy's name." example:"demo"`
	Version     string     `json:"version" doc:"The strategy's version." example:"1.0.0"`
	Title       string     `json:"title" doc:"Its name for people." example:"Demo"`
	Status      string     `json:"status" enum:"installed,approved,revoked" doc:"Whether it may be used: only what is approved is." example:"approved"`
	Isolation   string     `json:"isolation" enum:"shared,tenant,bot" doc:"What its bots must have at least of processes of their own." example:"shared"`
	SHA256      string     `json:"sha256" doc:"The sum of its file." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Size        int64      `json:"size" doc:"The length of its file, in bytes." example:"14680064"`
	Publisher   string     `json:"publisher" doc:"Who it comes from, as the operator said." example:"Ada Ltd"`
	SDK         string     `json:"sdk" doc:"The release of the kit that it was built with." example:"0.1.0"`
	Bots        int        `json:"bots" doc:"How many bots of all tenants are pinned to it." example:"3"`
	Fault       string     `json:"fault" doc:"What is wrong with its file on this server; empty if nothing is."`
	InstalledBy string     `json:"installed_by" doc:"Who put it in." example:"root"`
	InstalledAt time.Time  `json:"installed_at" doc:"When it was put in." example:"2026-01-02T15:04:05Z"`
	ApprovedBy  string     `json:"approved_by" doc:"Who approved it last; empty if nobody did." example:"ada@example.com"`
	ApprovedAt  *time.Time `json:"approved_at" doc:"When it was approved last, or null." example:"2026-01-02T15:04:05Z"`
	RevokedBy   string     `json:"revoked_by" doc:"Who revoked it last; empty if nobody did." example:""`
	RevokedAt   *time.Time `json:"revoked_at" doc:"When it was revoked last, or null." example:"2026-01-02T15:04:05Z"`
	Reason      string     `json:"reason" doc:"Why it was revoked." example:""`
}

// catalogChangeView is a line of the catalog's log.
type catalogChangeView struct {
	Name    string    `json:"name" doc:"The strategy's name." example:"demo"`
	Version string    `json:"version" doc:"The strategy's version." example:"1.0.0"`
	SHA256  string    `json:"sha256" doc:"The sum of the file." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Action  string    `json:"action" doc:"What was done." example:"strategy.approved"`
	Actor   string    `json:"actor" doc:"Who did it." example:"ada@example.com"`
	Note    string    `json:"note" doc:"What they said." example:""`
	At      time.Time `json:"at" doc:"When." example:"2026-01-02T15:04:05Z"`
}

func changeOf(c catalog.Change) catalogChangeView {
	return catalogChangeView{Name: c.Name, Version: c.Version, SHA256: c.SHA256, Action: c.Action, Actor: c.Actor, Note: c.Note, At: c.At.UTC()}
}

// strayView is a file that belongs to no version that was put in, as the API shows it.
type strayView struct {
	Path    string `json:"path" doc:"Where it lies on this server." example:"/var/lib/lunobot/plugins/demo/1.0.0/9f86d081"`
	Size    int64  `json:"size" doc:"Its length, in bytes." example:"14680064"`
	Name    string `json:"name" doc:"The strategy in whose place it lies; empty if that is none's." example:"demo"`
	Version string `json:"version" doc:"The version in whose place it lies; empty if that is none's." example:"1.0.0"`
	Partial bool   `json:"partial" doc:"Whether it is a copy that was not finished." example:"false"`
	Advice  string `json:"advice" doc:"What to do about it, as a sentence."`
}

func strayOf(s catalog.Stray) strayView {
	return strayView{Path: s.Path, Size: s.Size, Name: s.Ref.Name, Version: s.Ref.Version, Partial: s.Partial, Advice: s.Advice()}
}

// hungView is a version whose backtests hung lately, as the API shows it.
type hungView struct {
	Name    string    `json:"name" doc:"The strategy's name." example:"demo"`
	Version string    `json:"version" doc:"The strategy's version; empty for the one that the server contains." example:"1.0.0"`
	Tenants int       `json:"tenants" doc:"Of how many tenants." example:"2"`
	Hangs   int64     `json:"hangs" doc:"How many backtests of theirs hung lately, all together." example:"5"`
	LastAt  time.Time `json:"last_at" doc:"When the newest of them was stopped or cancelled." example:"2026-01-02T15:04:05Z"`
	Suspect bool      `json:"suspect" doc:"Whether its backtests go last and one at a time, but those of tenants that had a success with it in the last day. Those of a tenant whose own hang may wait all the same." example:"false"`
}

func hungOf(v research.HungVersion) hungView {
	return hungView{Name: v.Strategy, Version: v.Version, Tenants: v.Tenants, Hangs: v.Times, LastAt: v.Last.UTC(), Suspect: v.Suspect}
}

// EntryPath is a version in a path.
type EntryPath struct {
	Name    string `path:"strategy" doc:"The strategy's name." example:"demo"`
	Version string `path:"version" doc:"The strategy's version." example:"1.0.0"`
}

func (p EntryPath) ref() catalog.Ref { return catalog.Ref{Name: p.Name, Version: p.Version} }

// revocation is the body that revokes a version.
type revocation struct {
	Reason string `json:"reason,omitempty" validate:"max=200" doc:"Why; the tenants whose bots pause are told." example:"It loses."`
}

// isolating is the body that sets the isolation of a version.
type isolating struct {
	Isolation string `json:"isolation" validate:"required,oneof=shared tenant bot" doc:"What its bots must have at least." example:"tenant"`
}

func (a *API) catalogRoutes() {
	const all, one = "/api/v1/admin/strategies", "/api/v1/admin/strategies/{strategy}/{version}"
	handle(a, operation{
		method: http.MethodGet, path: all, id: "list-installed-strategies", tag: tagAdmin, admin: true,
		summary: "List the strategies that were put in", description: "Lists every version with its state; each file is looked at. It comes whole: next_cursor is null.",
	}, a.listEntries)
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/admin/strategy-changes", id: "list-strategy-changes", tag: tagAdmin, admin: true,
		summary: "List who changed what", description: "Lists the newest 500 changes of the catalog of strategies, newest first. It comes whole: next_cursor is null.",
	}, a.listChanges)
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/admin/strategy-strays", id: "list-stray-strategy-files", tag: tagAdmin, admin: true,
		summary:     "List files that nobody put in",
		description: "Lists what lies in this server's catalog folder and belongs to no version that was put in; none of it is started. At most 100 are listed. It comes whole: next_cursor is null.",
	}, a.listStrays)
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/admin/strategy-hangs", id: "list-strategy-hangs", tag: tagAdmin, admin: true,
		summary: "List strategies whose backtests hang",
		description: "Lists the versions whose backtests made no progress until they were stopped or cancelled, the newest first. A hang is forgotten after ten times " +
			"as long as it lasted. It comes whole: next_cursor is null.",
	}, a.listHung)
	handle(a, operation{
		method: http.MethodPost, path: one + "/approve", id: "approve-strategy", tag: tagAdmin, admin: true, fails: []errs.Kind{errs.Conflict},
		summary: "Approve a version", description: "Lets tenants use a version whose file is what was put in. Servers offer it within seconds.",
	}, a.approve)
	handle(a, operation{
		method: http.MethodPost, path: one + "/revoke", id: "revoke-strategy", tag: tagAdmin, admin: true, fails: []errs.Kind{errs.Conflict},
		summary: "Revoke a version", description: "Takes an approval back: the version is offered no more, and its bots pause within seconds.",
	}, a.revoke)
	handle(a, operation{
		method: http.MethodPut, path: one + "/isolation", id: "isolate-strategy", tag: tagAdmin, admin: true,
		summary: "Set the isolation of a version", description: "Says what the bots of a version must have at least of processes of their own. They move within seconds.",
	}, a.isolate)
	handle(a, operation{
		method: http.MethodDelete, path: one, id: "remove-strategy", tag: tagAdmin, admin: true, fails: []errs.Kind{errs.Conflict},
		summary: "Remove a version", description: "Removes a version that no bot is pinned to, and its file.",
	}, a.removeEntry)
}

// entryOf adds to an entry what is known of it here.
func (a *API) entryOf(ctx context.Context, e catalog.Entry) (installedView, error) {
	pins, err := a.cfg.Catalog.Pins(ctx, e.Ref)
	v := installedView{
		Name: e.Name, Version: e.Version, Title: e.Manifest.Title, Status: string(e.Status), Isolation: string(e.Isolation), SHA256: e.SHA256, Size: e.Size,
		Publisher: e.Publisher, SDK: e.Manifest.SDK, Bots: len(pins), InstalledBy: e.InstalledBy, InstalledAt: e.InstalledAt.UTC(),
		ApprovedBy: e.ApprovedBy, ApprovedAt: moment(e.ApprovedAt), RevokedBy: e.RevokedBy, RevokedAt: moment(e.RevokedAt), Reason: e.Reason,
	}
	if bad := a.cfg.Catalog.Verify(e); bad != nil {
		v.Fault = bad.Error()
	}
	return v, err
}

func (a *API) entryAnswered(ctx context.Context, e catalog.Entry, err error) (*answer[installedView], error) {
	if err != nil {
		return nil, err
	}
	v, err := a.entryOf(ctx, e)
	return &answer[installedView]{Body: v}, err
}

func (a *API) listEntries(ctx context.Context, who tenancy.Principal, _ *nothing) (*answer[listOf[installedView]], error) {
	entries, err := a.cfg.Catalog.Entries(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]installedView, len(entries))
	for i, e := range entries {
		if views[i], err = a.entryOf(ctx, e); err != nil {
			return nil, err
		}
	}
	return listed(a.cursors, nil, page.List[installedView]{Items: views}, func(v installedView) installedView { return v }), nil
}

func (a *API) listChanges(ctx context.Context, who tenancy.Principal, _ *nothing) (*answer[listOf[catalogChangeView]], error) {
	changes, err := a.cfg.Catalog.Changes(ctx, 500)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, nil, page.List[catalog.Change]{Items: changes}, changeOf), nil
}

func (a *API) listStrays(ctx context.Context, who tenancy.Principal, _ *nothing) (*answer[listOf[strayView]], error) {
	strays, err := a.cfg.Catalog.Strays(ctx)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, nil, page.List[catalog.Stray]{Items: strays}, strayOf), nil
}

func (a *API) listHung(ctx context.Context, who tenancy.Principal, _ *nothing) (*answer[listOf[hungView]], error) {
	list, err := a.cfg.Backtests.HungVersions(ctx)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, nil, page.List[research.HungVersion]{Items: list}, hungOf), nil
}

func (a *API) approve(ctx context.Context, who tenancy.Principal, in *struct{ EntryPath }) (*answer[installedView], error) {
	e, err := a.cfg.Catalog.Approve(ctx, in.ref(), who.Email)
	return a.entryAnswered(ctx, e, err)
}

// revokeInput is the input that revokes a version.
type revokeInput struct {
	EntryPath
	Body body[revocation]
}

func (a *API) revoke(ctx context.Context, who tenancy.Principal, in *revokeInput) (*answer[installedView], error) {
	e, err := a.cfg.Catalog.Revoke(ctx, in.ref(), who.Email, in.Body.Value.Reason)
	return a.entryAnswered(ctx, e, err)
}

// isolateInput is the input that sets the isolation of a version.
type isolateInput struct {
	EntryPath
	Body body[isolating]
}

func (a *API) isolate(ctx context.Context, who tenancy.Principal, in *isolateInput) (*answer[installedView], error) {
	e, err := a.cfg.Catalog.Isolate(ctx, in.ref(), who.Email, catalog.Isolation(in.Body.Value.Isolation))
	return a.entryAnswered(ctx, e, err)
}

func (a *API) removeEntry(ctx context.Context, who tenancy.Principal, in *struct{ EntryPath }) (*nothing, error) {
	return nil, a.cfg.Catalog.Remove(ctx, in.ref(), who.Email)
}
