"""What a replay makes of a file of order lines."""

from collections import Counter

from bench.replay_plan import read_plan

HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


def _file(tmp_path, *lines):
    path = tmp_path / "lines.csv"
    rows = [
        f"{invoice},{code},,{quantity},2010-12-01 08:26:00,{price},{customer},United Kingdom"
        for invoice, code, quantity, price, customer in lines
    ]
    path.write_text("\n".join([HEAD, *rows, ""]))
    return path


def test_a_basket_adds_up_its_lines_by_code_and_price(tmp_path):
    path = _file(
        tmp_path,
        (1, "A", 6, "2.55", "17850.0"),
        (1, "A", 2, "2.55", "17850.0"),
        (1, "A", 1, "3", ""),
        (2, "B", 1, 1, ""),
    )

    plan = read_plan(path, 1)

    assert [(order.invoice, order.customer, order.total) for order in plan.orders] == [("1", "17850.0", 2340)]
    assert plan.orders[0].units == Counter({("A", 255): 8, ("A", 300): 1})
    assert (plan.baskets, plan.lines, plan.skipped) == (1, 2, Counter())


def test_what_the_shop_would_refuse_is_skipped_and_counted(tmp_path):
    path = _file(
        tmp_path,
        *((1, "A", 0, "1", ""), (1, "B", 1, "0", ""), (1, "C", 1, "0.001", ""), (1, "D", 1001, "1", "")),
        *(("A2", "E", 1, "1", ""), (3, "F", 1000, "1", "")),
    )

    plan = read_plan(path, 9)

    assert [order.invoice for order in plan.orders] == ["3"]
    assert plan.skipped == Counter(
        {
            "lines with a quantity below one": 1,
            "lines with a bad price": 2,
            "lines that make more than 1000 units": 1,
            "lines of an odd invoice": 1,
            "baskets without a good line": 2,
        }
    )


def test_what_comes_back_is_taken_off_the_newest_order_that_has_it(tmp_path):
    path = _file(
        tmp_path,
        *((1, "A", 5, "1", "7"), (2, "A", 3, "1", "7"), (3, "A", 9, "1", "8")),
        *(("C4", "A", -2, "1", "7"), ("C5", "A", -4, "1", "7"), ("C6", "A", -4, "1", "7"), ("C7", "A", -1, "2", "7")),
    )

    plan = read_plan(path, 9)

    back = {order.invoice: order.back for order in plan.orders}
    assert back == {"1": [Counter({("A", 100): 4})], "2": [Counter({("A", 100): 2})], "3": []}
    assert [order.kept for order in plan.orders] == [100, 100, 900]
    assert plan.skipped == Counter({"returned lines that no replayed order has": 2})


def test_a_basket_of_too_many_lines_becomes_several_orders(tmp_path):
    path = _file(tmp_path, *((1, f"A{number}", 1, "1", "7") for number in range(150)), ("C2", "A149", -1, "1", "7"))

    plan = read_plan(path, 1)

    assert [len(order.units) for order in plan.orders] == [100, 50]
    assert [order.kept for order in plan.orders] == [10_000, 4_900]
    assert plan.baskets == 1
