package api

import (
	"context"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/tenancy"
)

// exchangeAccount is a connected account as the API shows it: never more of the key
// than its end.
type exchangeAccount struct {
	ID             string           `json:"id" doc:"The account's id." example:"0197e1a2-6f00-7a00-8000-000000000001"`
	Name           string           `json:"name" doc:"The name that it was given." example:"My Luno account"`
	Venue          string           `json:"venue" doc:"The exchange." example:"luno"`
	KeyHint        string           `json:"key_hint" doc:"The end of the key's id; the key itself and its secret are never shown." example:"wxyz"`
	State          string           `json:"state" enum:"checking,connected,refused,revoked" doc:"The key waits for its check, may be used, must not be used, or is not taken by the exchange any more." example:"connected"`
	Reason         string           `json:"reason" doc:"Why the state is what it is; empty while all is well."`
	Rights         []accountRight   `json:"rights" doc:"What the last check found."`
	Notes          []string         `json:"notes" doc:"What the key's owner should know."`
	Balances       []accountBalance `json:"balances" doc:"What the account held when a check could last read it, by currency."`
	BalancesAt     *time.Time       `json:"balances_at" doc:"When that was; null before."`
	CheckedAt      *time.Time       `json:"checked_at" doc:"When the key was checked last; null before."`
	KeyUntil       *time.Time       `json:"key_until" doc:"When the sealed key of a refused account is destroyed unless it is checked again; null for one that is in use."`
	KeyDestroyedAt *time.Time       `json:"key_destroyed_at" doc:"When the sealed key was destroyed, after which the account needs a new one; null while it is there."`
	CreatedAt      time.Time        `json:"created_at" doc:"When it was connected." example:"2026-01-02T15:04:05Z"`
}

// accountRight is what a check found of a key's right.
type accountRight struct {
	Name    string `json:"name" doc:"The exchange's name of the right." example:"W_Orders"`
	Meaning string `json:"meaning" doc:"What it allows." example:"place and cancel orders"`
	Need    string `json:"need" enum:"optional,required,forbidden" doc:"What a trading key should have of it." example:"required"`
	Known   string `json:"known" enum:"untold,granted,denied" doc:"Whether the key has it, as far as the exchange tells." example:"granted"`
	Reason  string `json:"reason" doc:"How it is known, or why it cannot be known."`
}

// accountBalance is what an account held of a currency.
type accountBalance struct {
	Currency string          `json:"currency" doc:"The currency." example:"MYR"`
	Wallet   string          `json:"wallet" doc:"The exchange's id of the account that holds it, of which there may be several in one currency." example:"1234567890123456789"`
	Total    decimal.Decimal `json:"total" doc:"What it holds, including what open orders have set aside." example:"12402.11"`
	Free     decimal.Decimal `json:"free" doc:"What is not set aside." example:"8000"`
}

func accountView(a account.Account) exchangeAccount {
	v := exchangeAccount{
		ID: a.ID, Name: a.Name, Venue: a.Venue, KeyHint: a.KeyHint, State: string(a.State), Reason: a.Reason, Rights: []accountRight{}, Notes: []string{}, Balances: []accountBalance{},
		BalancesAt: moment(a.BalancesAt), KeyUntil: moment(a.KeyUntil()), KeyDestroyedAt: moment(a.KeyDestroyedAt),
		CheckedAt: moment(a.CheckedAt), CreatedAt: a.CreatedAt.UTC(),
	}
	for _, r := range a.Rights {
		v.Rights = append(v.Rights, accountRight(r))
	}
	v.Notes = append(v.Notes, a.Notes...)
	for _, b := range a.Balances {
		v.Balances = append(v.Balances, accountBalance(b))
	}
	return v
}

// accountInput is the input that connects an account.
type accountInput struct {
	Name   string `json:"name" validate:"required,max=80" doc:"A name to know it by." example:"My Luno account"`
	Venue  string `json:"venue" validate:"required,max=40" doc:"The exchange." example:"luno"`
	KeyID  string `json:"key_id" validate:"required,max=200" doc:"The id of an API key that you made at the exchange: it must be able to trade and unable to move money."`
	Secret string `json:"secret" validate:"required,max=200" doc:"The key's secret. It is sealed at once and never shown."`
}

// keyInput is the input that replaces an account's key.
type keyInput struct {
	KeyID  string `json:"key_id" validate:"required,max=200" doc:"The id of another API key of the same account at the exchange."`
	Secret string `json:"secret" validate:"required,max=200" doc:"The key's secret. It is sealed at once and never shown."`
}

// keyReplacement is the input with the account that it is of.
type keyReplacement struct {
	AccountPath
	Body body[keyInput]
}

// AccountPath names an account in a path.
type AccountPath struct {
	ID string `path:"account_id" doc:"The account's id."`
}

func (a *API) accountRoutes() {
	const all, one = "/api/v1/accounts", "/api/v1/accounts/{account_id}"
	handle(a, operation{
		method: http.MethodGet, path: all, id: "list-accounts", tag: tagAccounts,
		summary: "List the exchange accounts", description: "Lists the tenant's accounts at exchanges, newest first.",
	}, a.listAccounts)
	handle(a, operation{
		method: http.MethodPost, path: all, id: "connect-account", tag: tagAccounts, status: http.StatusCreated,
		summary: "Connect an exchange account",
		description: "Seals a key and has a worker find out what it may do, which takes a few seconds: get the account until its state is no longer `checking`. " +
			"A key that could withdraw or send money, or lacks a right that trading needs, is refused with the reason; so is one of an account at the exchange that is " +
			"connected already, by whatever key. How many accounts there may be is the plan's matter (`exchange_accounts`).",
	}, a.connectAccount)
	handle(a, operation{
		method: http.MethodGet, path: one, id: "get-account", tag: tagAccounts,
		summary: "Get an exchange account", description: "Shows an account, its state, and what the check of its key found.",
	}, a.getAccount)
	handle(a, operation{
		method: http.MethodPost, path: one + "/check", id: "check-account", tag: tagAccounts,
		summary: "Check an account's key again", description: "Has a worker look at the key again, after its rights were changed at the exchange.",
	}, a.checkAccount)
	handle(a, operation{
		method: http.MethodPut, path: one + "/key", id: "replace-key", tag: tagAccounts,
		summary: "Replace an account's key",
		description: "Seals another key of the same account at the exchange, because the one before was revoked or shall be, and has a worker check it. Bots that trade on the account go " +
			"on once the key is found good, without a restart; a key of another account there is refused.",
	}, a.replaceKey)
	handle(a, operation{
		method: http.MethodDelete, path: one, id: "disconnect-account", tag: tagAccounts,
		summary:     "Disconnect an exchange account",
		description: "Deletes the account and its sealed key. The key lives on at the exchange until it is deleted there.",
	}, a.disconnectAccount)
}

func (a *API) listAccounts(ctx context.Context, who tenancy.Principal, in *struct{ ListQuery }) (*answer[listOf[exchangeAccount]], error) {
	of := list{"accounts", who.TenantID}
	p, err := a.cursors.page(in.ListQuery, of)
	if err != nil {
		return nil, err
	}
	l, err := a.cfg.Accounts.Accounts(ctx, who, p)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, of, l, accountView), nil
}

func accountAnswer(x account.Account, err error) (*answer[exchangeAccount], error) {
	if err != nil {
		return nil, err
	}
	return &answer[exchangeAccount]{Body: accountView(x)}, nil
}

func (a *API) connectAccount(ctx context.Context, who tenancy.Principal, in *struct{ Body body[accountInput] }) (*answer[exchangeAccount], error) {
	return accountAnswer(a.cfg.Accounts.Connect(ctx, who, account.NewConnect(in.Body.Value.Name, in.Body.Value.Venue, in.Body.Value.KeyID, in.Body.Value.Secret)))
}

func (a *API) getAccount(ctx context.Context, who tenancy.Principal, in *struct{ AccountPath }) (*answer[exchangeAccount], error) {
	return accountAnswer(a.cfg.Accounts.Account(ctx, who, in.ID))
}

func (a *API) checkAccount(ctx context.Context, who tenancy.Principal, in *struct{ AccountPath }) (*answer[exchangeAccount], error) {
	return accountAnswer(a.cfg.Accounts.Recheck(ctx, who, in.ID))
}

func (a *API) replaceKey(ctx context.Context, who tenancy.Principal, in *keyReplacement) (*answer[exchangeAccount], error) {
	return accountAnswer(a.cfg.Accounts.ReplaceKey(ctx, who, in.ID, account.NewConnect("", "", in.Body.Value.KeyID, in.Body.Value.Secret)))
}

func (a *API) disconnectAccount(ctx context.Context, who tenancy.Principal, in *struct{ AccountPath }) (*nothing, error) {
	return nil, a.cfg.Accounts.Disconnect(ctx, who, in.ID)
}
