package billing_test

import (
	"fmt"
	"strings"

	"github.com/lunobot/lunobot/billing"
)

// An operator's own plans are a YAML file.
func ExampleReadCatalog() {
	catalog, err := billing.ReadCatalog(strings.NewReader(`
plans:
  - id: starter
    number: 1
    name: Starter
    version: 1
    price: 49.00 MYR
    interval: month
    limits: {bots: 2, pairs: 3, api_calls_per_hour: unlimited}
    entitlements: {channels: [email], support: email, backtests: basic}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, _ := catalog.Find("starter")
	fmt.Println(plan.Name, plan.Price, plan.Limit(billing.RunningBots), plan.Limit(billing.APICallsPerHour))
	// Output: Starter 49.00 MYR 2 unlimited
}
