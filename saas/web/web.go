package web

import (
	"fmt"
	"html/template"
	"net/http"

	"github.com/lunobot/lunobot/tenancy"
)

// Web serves the pages. It is safe for concurrent use.
type Web struct {
	cfg    Config
	assets *assets
	pages  map[string]*template.Template
}

// New checks cfg, naming all that is wrong with it, and reads the templates.
func New(cfg Config) (*Web, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	a, err := newAssets()
	if err != nil {
		return nil, fmt.Errorf("web: reading the assets: %w", err)
	}
	w := &Web{cfg: cfg, assets: a}
	if w.pages, err = w.parse(); err != nil {
		return nil, fmt.Errorf("web: reading the templates: %w", err)
	}
	return w, nil
}

// request is one request on its way through a handler.
type request struct {
	*http.Request
	w http.ResponseWriter
	// who asks; the zero value for a visitor, and access the token that proved
	// it.
	who    tenancy.Principal
	access string
	look   look
	// code finds the request in the log.
	code string
}

// handler answers a request or says why not; the error becomes a page.
type handler func(rq *request) error

// Handler returns the pages as one handler, to be mounted at "/".
func (w *Web) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+assetsPrefix, w.assets)
	mux.Handle("GET /favicon.ico", http.RedirectHandler(w.assets.url("img/icon.svg"), http.StatusFound))

	visitor := func(pattern string, h handler) { mux.Handle(pattern, w.serve(h, false)) }
	member := func(pattern string, h handler) { mux.Handle(pattern, w.serve(h, true)) }
	admin := func(pattern string, h handler) { member(pattern, adminOnly(h)) }

	visitor("/", func(*request) error { return errNoPage() })
	visitor("GET /signup", w.signUpForm)
	visitor("POST /signup", w.signUp)
	visitor("GET /signin", w.signInForm)
	visitor("POST /signin", w.signIn)
	visitor("POST /signout", w.signOut)
	visitor("GET /setup/{token}", w.setupForm)
	visitor("POST /setup/{token}", w.setup)
	visitor("POST /look", w.setLook)

	member("GET /welcome", w.welcome)
	member("POST /welcome", w.choosePlan)
	member("GET /{$}", w.overview)
	member("GET /overview", w.overviewLive)
	member("GET /overview/equity", w.overviewEquity)

	member("GET "+haltPath, w.haltForm)
	member("POST "+haltPath, w.pullHalt)
	member("POST "+haltPath+"/{id}/release", w.releaseHalt)

	member("GET /bots", w.botList)
	member("GET /bots/rows", w.botRows)
	member("GET /bots/new", w.newBot)
	member("POST /bots/new", w.createBot)
	member("POST /bots/new/check", w.checkBot)
	member("GET /bots/new/strategy", w.newBotStrategy)
	member("GET /bots/{id}", w.botPage)
	member("GET /bots/{id}/chart", w.botChart)
	member("GET /bots/{id}/equity", w.botEquity)
	member("GET /bots/{id}/performance", w.botPerformance)
	member("GET /bots/{id}/stream", w.botStream)
	member("GET /bots/{id}/decisions", w.botDecisions)
	member("GET /bots/{id}/orders", w.botOrders)
	member("GET /bots/{id}/fills", w.botFills)
	member("GET /bots/{id}/replay", w.botReplay)
	member("POST /bots/{id}/replay", w.requestReplay)
	member("GET /bots/{id}/signals", w.botSignals)
	member("POST /bots/{id}/webhook", w.createHook)
	member("POST /bots/{id}/webhook/rotate", w.rotateHook)
	member("POST /bots/{id}/webhook/revoke", w.revokeHook)
	member("GET /bots/{id}/orders/{number}", w.botOrder)
	member("GET /bots/{id}/reconciliation", w.botReconciliation)
	member("POST /bots/{id}/foreign", w.decideForeign)
	member("POST /bots/{id}/resume", w.resumeBot)
	member("GET /bots/{id}/live", w.liveForm)
	member("POST /bots/{id}/live", w.goLive)
	member("GET /bots/{id}/paper", w.paperForm)
	member("POST /bots/{id}/paper", w.goPaper)
	member("GET /bots/{id}/write-off", w.writeOffForm)
	member("POST /bots/{id}/write-off", w.writeOff)
	member("POST /bots/{id}/start", w.startBot)
	member("POST /bots/{id}/stop", w.stopBot)
	member("POST /bots/{id}/close-only", w.closeOnly)
	member("POST /bots/{id}/breaker/resume", w.resumeBreaker)
	member("POST /bots/{id}/delete", w.deleteBot)
	member("GET /bots/{id}/edit", w.editBot)
	member("POST /bots/{id}/edit", w.updateBot)
	member("POST /bots/{id}/edit/check", w.checkEdit)
	member("GET /bots/{id}/version", w.botVersion)
	member("GET /bots/{id}/upgrade", w.upgradeForm)
	member("POST /bots/{id}/upgrade", w.upgradeBot)

	member("GET /backtests", w.backtestList)
	member("GET /backtests/rows", w.backtestRows)
	member("GET /backtests/new", w.newBacktest)
	member("POST /backtests/new", w.createBacktest)
	member("POST /backtests/new/check", w.checkBacktest)
	member("GET /backtests/new/strategy", w.newBacktestStrategy)
	member("GET /backtests/new/history", w.newBacktestHistory)
	member("GET /backtests/compare", w.compareBacktests)
	member("GET /backtests/{id}", w.backtestPage)
	member("GET /backtests/{id}/stream", w.backtestStream)
	member("GET /backtests/{id}/report", w.backtestReport)
	member("POST /backtests/{id}/cancel", w.cancelBacktest)
	member("POST /backtests/{id}/delete", w.deleteBacktest)

	member("GET /strategies", w.strategies)
	member("GET /strategies/{name}", w.strategyGuide)
	member("GET /subscription", w.subscription)
	member("GET /subscription/change", w.confirmPlan)
	member("POST /subscription/change", w.changePlan)
	member("GET /accounts", w.accounts)
	member("GET /accounts/rows", w.accountsLive)
	member("GET /accounts/new", w.connectForm)
	member("POST /accounts/new", w.connectAccount)
	member("GET "+ceilingsPath, w.ceilings)
	member("POST "+ceilingsPath, w.setCeiling)
	member("POST "+ceilingsPath+"/{currency}/remove", w.removeCeiling)
	member("POST /accounts/{id}/check", w.recheckAccount)
	member("GET /accounts/{id}/key", w.keyForm)
	member("POST /accounts/{id}/key", w.replaceKey)
	member("GET /accounts/{id}/disconnect", w.confirmDisconnect)
	member("POST /accounts/{id}/disconnect", w.disconnectAccount)
	member("GET /settings", w.settings)
	member("POST /settings/profile", w.updateProfile)
	member("POST /settings/password", w.changePassword)
	member("POST /settings/sessions/revoke", w.revokeOthers)
	member("POST /settings/sessions/{id}/revoke", w.revokeSession)

	admin("GET "+adminHaltPath, w.adminHaltForm)
	admin("POST "+adminHaltPath, w.pullPlatformHalt)
	admin("POST "+adminHaltPath+"/{id}/release", w.releasePlatformHalt)
	admin("GET /admin/strategies", w.catalog)
	admin("GET /admin/strategies/{name}/{version}/revoke", w.confirmEntry("admin/revoke", "Revoke"))
	admin("GET /admin/strategies/{name}/{version}/remove", w.confirmEntry("admin/remove", "Remove"))
	admin("POST /admin/strategies/{name}/{version}/approve", w.changeEntry("strategy-approved", w.approveEntry))
	admin("POST /admin/strategies/{name}/{version}/revoke", w.changeEntry("strategy-revoked", w.revokeEntry))
	admin("POST /admin/strategies/{name}/{version}/isolation", w.changeEntry("strategy-isolated", w.isolateEntry))
	admin("POST /admin/strategies/{name}/{version}/remove", w.changeEntry("strategy-removed", w.removeEntry))

	return w.harden(mux)
}
