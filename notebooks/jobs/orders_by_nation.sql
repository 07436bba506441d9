-- Orders of each nation, from the sample data of the cluster of containers, into a folder.
-- springald submit orders_by_nation.sql --param out=/opt/workspace/dataout/orders_by_nation

COPY (
    SELECT n_name AS nation, count(*) AS orders, sum(o_totalprice) AS total
    FROM '/opt/workspace/datain/tpch/orders'
    JOIN '/opt/workspace/datain/tpch/customer' ON o_custkey = c_custkey
    JOIN '/opt/workspace/datain/tpch/nation' ON c_nationkey = n_nationkey
    GROUP BY n_name
) TO '${out}/' STORED AS PARQUET;

SELECT * FROM '${out}/' ORDER BY orders DESC LIMIT 5;
