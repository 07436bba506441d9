"""Fits a linear regression to a Parquet, CSV or JSON table, tells how good it is, and saves the model.

springald submit train_model.py --data /opt/workspace/datain/deliveries --label minutes \\
    --features distance,parcels,rain --out /opt/workspace/dataout/delivery-model

A program loads it with PipelineModel.load(folder), and transform() adds the column `prediction`.
"""

import argparse

from springald.ml import Pipeline
from springald.ml.evaluation import RegressionEvaluator
from springald.ml.feature import VectorAssembler
from springald.ml.regression import LinearRegression
from springald.sql import SparkSession
from springald.sql import functions as F


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit a linear regression to a table, and save the model.")
    parser.add_argument("--data", required=True, help="the table: files, a folder or a glob")
    parser.add_argument("--format", choices=["parquet", "csv", "json"], default="parquet")
    parser.add_argument("--label", required=True, help="the column to predict")
    parser.add_argument("--features", required=True, help="the columns to predict from: a,b,c")
    parser.add_argument("--reg-param", type=float, default=0.0, help="the strength of the elastic net")
    parser.add_argument("--elastic-net-param", type=float, default=0.0, help="0 for ridge, 1 for lasso")
    parser.add_argument("--seed", type=int, default=1, help="of the split into train and test")
    parser.add_argument("--out", required=True, help="the folder of the model")
    arguments = parser.parse_args()
    features = arguments.features.split(",")

    with SparkSession.builder.appName(f"train {arguments.label}").getOrCreate() as spark:
        reader = spark.read.format(arguments.format).options(header=True, inferSchema=True)
        if arguments.format != "csv":
            reader = spark.read.format(arguments.format)
        wanted = [F.col(name).cast("double").alias(name) for name in [*features, arguments.label]]
        rows = reader.load(arguments.data).select(*wanted).dropna()
        train, test = rows.randomSplit([0.8, 0.2], seed=arguments.seed)

        assembler = VectorAssembler(inputCols=features, outputCol="features")
        regression = LinearRegression(
            labelCol=arguments.label,
            regParam=arguments.reg_param,
            elasticNetParam=arguments.elastic_net_param,
        )
        model = Pipeline(stages=[assembler, regression]).fit(train)
        fitted = model.stages[-1]
        for name, coefficient in zip(features, fitted.coefficients, strict=True):
            print(f"{name:20} {coefficient:12.4f}")
        print(f"{'intercept':20} {fitted.intercept:12.4f}")

        predicted = model.transform(test)
        for metric in ("rmse", "r2"):
            value = RegressionEvaluator(labelCol=arguments.label, metricName=metric).evaluate(predicted)
            print(f"{'test ' + metric:20} {value:12.4f}")
        model.write().overwrite().save(arguments.out)


if __name__ == "__main__":
    main()
