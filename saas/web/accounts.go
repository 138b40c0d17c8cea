package web

import (
	"net/http"
	"net/url"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// accountsPage is what the list of exchange accounts shows.
type accountsPage struct {
	Rows []accountRow
	// Checking says that a check is under way, so that the list is renewed.
	Checking bool
	MayWrite bool
	// Next leads to the accounts that follow; "" if these are the last.
	Next string
	// Renew is where the same part of the list is found again.
	Renew string
}

// accountRow is one account of the list.
type accountRow struct {
	account.Account
	MayWrite bool
	Checked  moment
	// Unknown are forbidden rights of which the exchange tells nothing: the owner
	// has to look.
	Unknown []account.Right
	// Held are the balances that are not nothing, as of Seen.
	Held            []account.Balance
	Seen, Destroyed moment
}

func (w *Web) accounts(rq *request) error { return w.showAccounts(rq, "page") }

// accountsLive answers with the part that is renewed while a key is checked.
func (w *Web) accountsLive(rq *request) error { return w.showAccounts(rq, "live") }

func (w *Web) showAccounts(rq *request, part string) error {
	after, renew := rq.URL.Query().Get("after"), "/accounts/rows"
	if after != "" {
		renew += "?" + url.Values{"after": {after}}.Encode()
	}
	l, err := w.cfg.Accounts.Accounts(rq.Context(), rq.who, page.Page{After: after})
	if err != nil {
		return err
	}
	p := accountsPage{MayWrite: rq.who.Can(tenancy.AccountsWrite), Next: l.Next, Renew: renew}
	for _, a := range l.Items {
		row := accountRow{Account: a, MayWrite: p.MayWrite, Checked: moment{a.CheckedAt}, Seen: moment{a.BalancesAt}, Destroyed: moment{a.KeyDestroyedAt}}
		for _, b := range a.Balances {
			if !b.Total.IsZero() {
				row.Held = append(row.Held, b)
			}
		}
		for _, r := range a.Rights {
			if r.Need == "forbidden" && r.Known == "untold" {
				row.Unknown = append(row.Unknown, r)
			}
		}
		p.Checking = p.Checking || a.State == account.Checking
		p.Rows = append(p.Rows, row)
	}
	if part == "live" {
		return w.part(rq, "accounts/list", part, p)
	}
	return w.page(rq, http.StatusOK, "accounts/list", view{Title: "Exchange accounts", Nav: "accounts", D: p})
}

// connectPage is the form that connects an account; a secret is never sent back.
type connectPage struct {
	Name   string
	Faults faults
}

func (w *Web) connectForm(rq *request) error {
	if err := rq.who.Require(tenancy.AccountsWrite); err != nil {
		return err
	}
	return w.showConnect(rq, http.StatusOK, connectPage{})
}

func (w *Web) showConnect(rq *request, status int, p connectPage) error {
	return w.page(rq, status, "accounts/new", view{Title: "Connect an account", Nav: "accounts", D: p})
}

func (w *Web) connectAccount(rq *request) error {
	name := rq.PostFormValue("name")
	_, err := w.cfg.Accounts.Connect(rq.Context(), rq.who, account.NewConnect(name, "luno", rq.PostFormValue("key_id"), rq.PostFormValue("secret")))
	if f, ok := faultsOf(err); ok {
		return w.showConnect(rq, http.StatusUnprocessableEntity, connectPage{Name: name, Faults: f})
	}
	if err != nil {
		return err
	}
	return rq.redirect("/accounts")
}

func (w *Web) recheckAccount(rq *request) error {
	if _, err := w.cfg.Accounts.Recheck(rq.Context(), rq.who, rq.PathValue("id")); err != nil {
		return err
	}
	return rq.redirect("/accounts")
}

// keyPage is the form that replaces an account's key; a secret is never sent back.
type keyPage struct {
	account.Account
	Faults faults
}

func (w *Web) keyForm(rq *request) error { return w.showKey(rq, http.StatusOK, nil) }

func (w *Web) showKey(rq *request, status int, f faults) error {
	a, err := w.changeable(rq)
	if err != nil {
		return err
	}
	return w.page(rq, status, "accounts/key", view{Title: "A new key for " + a.Name, Nav: "accounts", D: keyPage{a, f}})
}

func (w *Web) replaceKey(rq *request) error {
	_, err := w.cfg.Accounts.ReplaceKey(rq.Context(), rq.who, rq.PathValue("id"), account.NewConnect("", "", rq.PostFormValue("key_id"), rq.PostFormValue("secret")))
	if f, ok := faultsOf(err); ok {
		return w.showKey(rq, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return rq.redirect("/accounts")
}

// changeable returns the account of a page that changes it, to those who may.
func (w *Web) changeable(rq *request) (account.Account, error) {
	if err := rq.who.Require(tenancy.AccountsWrite); err != nil {
		return account.Account{}, err
	}
	return w.cfg.Accounts.Account(rq.Context(), rq.who, rq.PathValue("id"))
}

func (w *Web) confirmDisconnect(rq *request) error {
	a, err := w.changeable(rq)
	if err != nil {
		return err
	}
	return w.page(rq, http.StatusOK, "accounts/remove", view{Title: "Disconnect " + a.Name, Nav: "accounts", D: a})
}

func (w *Web) disconnectAccount(rq *request) error {
	if err := w.cfg.Accounts.Disconnect(rq.Context(), rq.who, rq.PathValue("id")); err != nil {
		return err
	}
	return rq.redirect("/accounts?notice=disconnected")
}
