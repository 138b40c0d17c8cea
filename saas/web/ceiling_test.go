package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/ceiling"
)

// reach has somebody's live bots lose what they may in a day, in place of the limits that the
// tenant has.
func (w *world) reach(t testing.TB, b *browser) {
	t.Helper()
	list, err := w.ceilings.List(t.Context(), b.who)
	if err != nil {
		t.Fatal(err)
	}
	err = w.runs.PutCeiling(t.Context(), b.who.TenantID, ceiling.Ceiling{
		Currency: "MYR", MaxExposure: decimal.NewFromInt(5_000), MaxDailyLoss: decimal.NewFromInt(250), Reached: ceiling.Day(w.now()), Loss: decimal.RequireFromString("1251.25"),
		SetBy: b.who.Email, SetAt: w.now(), Version: int64(len(list)) + 1,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The limits of all live bots are set, changed and removed on their page; a faulty form comes
// back with what was typed, and the overview says that the day's loss was reached.
func TestCeilingPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada, eve := w.member(t, server, "ada@example.com"), w.member(t, server, "eve@example.com")
	const limits = "/accounts/limits"
	ada.get("/accounts").want(t, "the way to the limits", http.StatusOK, `href="/accounts/limits"`)
	ada.get(limits).want(t, "no limits", http.StatusOK, "Set limits", `<option value="MYR"`)
	ada.post(limits, url.Values{"currency": {"MYR"}, "max_exposure": {"a lot"}, "max_daily_loss": {"7"}}).
		want(t, "a faulty form", http.StatusUnprocessableEntity, "Must be a plain number", `value="a lot"`, `value="7"`)
	ada.post(limits, url.Values{"currency": {"MYR"}}).want(t, "no limit at all", http.StatusUnprocessableEntity, "One of the two bounds must be above 0")
	ada.post(limits, url.Values{"currency": {"MYR"}, "max_exposure": {"5,000"}, "max_daily_loss": {"250.50"}, "version": {"0"}}).want(t, "limits", http.StatusSeeOther)
	ada.get(limits).want(t, "the limits", http.StatusOK, "of 5,000.00 MYR", "of 250.50 MYR", "by <span class=\"break\">ada@example.com")
	ada.get(limits+"?currency=MYR").want(t, "the form of a change", http.StatusOK, "Change the limits in MYR", `value="5000"`, `name="version" value="1"`)
	ada.post(limits, url.Values{"currency": {"MYR"}, "max_exposure": {"1"}, "version": {"9"}}).want(t, "a change of another version", http.StatusConflict, "changed meanwhile")
	eve.get(limits).want(t, "another tenant's limits", http.StatusOK, "!5,000")
	eve.post(limits+"/MYR/remove", nil).want(t, "another tenant's removal", http.StatusNotFound)

	ada.newBot("First")
	w.reach(t, ada)
	ada.get("/").want(t, "the overview", http.StatusOK, "Daily loss reached: all live bots together had lost 1,251.25 MYR", "00:00 UTC")
	ada.get(limits).want(t, "the limits that were reached", http.StatusOK, "No live bot buys until")
	ada.post(limits+"/MYR/remove", url.Values{"version": {"2"}}).want(t, "a removal", http.StatusSeeOther)
	ada.get("/").want(t, "the overview", http.StatusOK, "!Daily loss reached")
}
