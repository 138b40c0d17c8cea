package indicator_test

import (
	"encoding/json"
	"fmt"

	"github.com/lunobot/lunobot/strategy/indicator"
)

func ExampleCross() {
	fast, slow := indicator.NewSMA(2), indicator.NewSMA(4)
	var cross indicator.Cross
	for i, price := range []float64{100, 98, 96, 94, 93, 97, 102, 101, 95, 90} {
		if event := cross.Update(fast.Update(price), slow.Update(price)); event != indicator.CrossNone {
			fmt.Println("candle", i, event)
		}
	}
	// Output:
	// candle 6 up
	// candle 8 down
}

func ExampleSMA_MarshalJSON() {
	average := indicator.NewSMA(3)
	average.Update(10)
	average.Update(11)
	saved, err := json.Marshal(average)
	if err != nil {
		fmt.Println(err)
		return
	}
	var restored indicator.SMA
	if err := json.Unmarshal(saved, &restored); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(restored.Update(15), restored.Ready())
	// Output: 12 true
}
