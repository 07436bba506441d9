-- The products that sell best, dearer than a price.
-- springald submit top_products.sql --param sales=/opt/workspace/datain/sales --param least=3.0 --format csv
--
-- Within quotes a parameter is bare text, elsewhere a value.

SELECT product, sum(pieces) AS pieces, round(sum(pieces * price), 2) AS income
FROM '${sales}/'
WHERE price >= ${least}
GROUP BY product
ORDER BY income DESC
LIMIT 10;
