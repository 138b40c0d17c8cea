package account

import (
	"context"

	"github.com/lunobot/lunobot/saas/errs"
)

// Doubt has the key of an account checked now, because its exchange has refused it, or
// says nothing, while bots trade with it: the check says whether it is still good, and tells its tenant if it is
// not. An account that is gone, or whose key is known to be bad, is left as it is.
func (c *Connector) Doubt(ctx context.Context, tenantID, accountID string) error {
	asked := false
	err := c.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		a, err := c.cfg.Store.LockAccount(ctx, tenantID, accountID)
		now := c.cfg.Now().UTC()
		switch {
		case errs.KindOf(err) == errs.NotFound:
			return nil
		case err != nil:
			return err
		case a.State != Connected || !a.CheckAt.After(now.Add(checkLimit)): // it is due, or under way
			return nil
		}
		asked = true
		a.Tries, a.CheckAt, a.UpdatedAt = 0, now, now
		return c.cfg.Store.UpdateAccount(ctx, tenantID, a)
	})
	if err == nil && asked {
		c.cfg.Wake()
	}
	return err
}
