package luno

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/exchange"
)

// noOrder is the id of an order that nobody has: to ask for it to be taken back
// changes nothing and is refused for want of a right, or for want of an order.
const noOrder = "BX0000000000000"

// CheckKey implements exchange.KeyChecker. Luno has no call that tells what a key
// may do, so the check asks for things that are harmless and looks at whether they
// are refused for want of a right:
//
//   - the right to read balances, orders, bookings and transfers by reading some;
//   - the right to trade by a cancel of an order that cannot exist;
//   - the right to see withdrawals and beneficiaries by asking for the lists, which
//     are not read. No call that makes, changes or cancels any of them is ever
//     made.
//
// Whether a key may send or withdraw can only be found out by doing it, which this
// program does not: these rights stay untold. But a key that may see withdrawals or
// beneficiaries has been given more than trading needs, and is refused.
func (c *Client) CheckKey(ctx context.Context) (exchange.KeyReport, error) {
	if c.cfg.KeyID == "" {
		return exchange.KeyReport{}, exchange.Unsent("ErrUnauthorised", "there is no API key")
	}
	var report exchange.KeyReport
	add := func(name, meaning string, need exchange.Need, known exchange.Known, reason string) {
		report.Rights = append(report.Rights, exchange.Right{Name: name, Meaning: meaning, Need: need, Known: known, Reason: reason})
	}
	balances, err := c.Balances(ctx)
	if exchange.KindOf(err) == exchange.KindKey && codeOf(err) != exchange.CodePermissions {
		return report, fmt.Errorf("checking the key: %w", err)
	}
	known, reason, err := verdict(err, "the balances")
	if err != nil {
		return report, err
	}
	add("R_Balance", "read balances", exchange.Required, known, reason)

	_, err = c.get(ctx, pathListOrders, url.Values{"limit": {"1"}}, nil)
	if known, reason, err = verdict(err, "the orders"); err != nil {
		return report, err
	}
	add("R_Orders", "read orders and trades", exchange.Required, known, reason)

	if known, reason, err = verdict(notOpen(c.Cancel(ctx, "", noOrder)), "the cancel of an order that does not exist"); err != nil {
		return report, err
	}
	add("W_Orders", "place and cancel orders", exchange.Required, known, reason)

	known, reason = exchange.Untold, "there is no account whose bookings could be read"
	if len(balances) > 0 {
		_, err = c.rows(ctx, balances[0].Account, -1, 0)
		if known, reason, err = verdict(err, "the bookings"); err != nil {
			return report, err
		}
	}
	add("R_Transactions", "read bookings", exchange.Optional, known, reason)

	known, reason = exchange.Untold, "there is no account whose transfers could be read"
	if len(balances) > 0 {
		_, err = c.Transfers(ctx, balances[0].Account, c.cfg.Now(), 1)
		if known, reason, err = verdict(err, "the transfers"); err != nil {
			return report, err
		}
	}
	add("R_Transfers", "read deposits and withdrawals that were made", exchange.Optional, known, reason)

	for _, p := range [...]struct{ path, name, meaning, what string }{
		{pathWithdrawals, "R_Withdrawals", "see withdrawals, which goes with the right to make them", "the withdrawals"},
		{pathBeneficiaries, "R_Beneficiaries", "see bank accounts to withdraw to, which goes with the right to change them", "the beneficiaries"},
	} {
		_, err = c.ask(ctx, c.probe, exchange.Turn{Bot: c.bot}, p.path, nil, nil)
		if known, reason, err = verdict(err, p.what); err != nil {
			return report, err
		}
		add(p.name, p.meaning, exchange.Forbidden, known, reason)
	}
	for _, w := range [...]struct{ name, meaning string }{
		{"W_Withdrawals", "withdraw money to a bank"}, {"W_Send", "send coins to any address"},
	} {
		add(w.name, w.meaning, exchange.Forbidden, exchange.Untold,
			"Luno tells this of no key, and the only way to find out is to do it: look at the key's rights on Luno's page")
	}
	report.Notes, report.Balances = notes(balances), balances
	return report, nil
}

// notOpen takes an answer that says that there is no such order for a success.
func notOpen(err error) error {
	switch exchange.KindOf(err) { //nolint:exhaustive // all others stay errors
	case exchange.KindNotOpen, exchange.KindNotFound, exchange.KindInvalid:
		return nil
	}
	if errors.Is(err, errNotTaken) {
		return nil
	}
	return err
}

// verdict reads an answer as one about a right. An error means that there was no
// answer: a refusal without a code of Luno's may be that of a proxy on the way.
func verdict(answer error, what string) (exchange.Known, string, error) {
	var e *exchange.Error
	switch {
	case answer == nil:
		return exchange.Granted, "Luno answered about " + what, nil
	case exchange.KindOf(answer) == exchange.KindKey:
		return exchange.Denied, "Luno refused " + what + " for want of the right", nil
	case errors.As(answer, &e) && e.HTTPStatus >= 400 && e.HTTPStatus < 500 && e.HTTPStatus != http.StatusTooManyRequests && exchange.KindOf(answer).Definitive():
		return exchange.Untold, fmt.Sprintf("Luno answered about %s with %s, which does not tell", what, e.Code), nil
	}
	return exchange.Untold, "", fmt.Errorf("checking the key: asking about %s: %w", what, answer)
}

// notes tells of currencies with several accounts.
func notes(balances []exchange.Balance) []string {
	accounts := make(map[string][]string)
	for _, b := range balances {
		accounts[b.Currency] = append(accounts[b.Currency], b.Account)
	}
	var out []string
	for currency, ids := range accounts {
		if len(ids) > 1 {
			out = append(out, fmt.Sprintf("there are %d accounts in %s (%s): bots trade with the one that was opened first", len(ids), currency, strings.Join(ids, ", ")))
		}
	}
	slices.Sort(out)
	return out
}
