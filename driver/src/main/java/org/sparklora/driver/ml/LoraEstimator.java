package org.sparklora.driver.ml;

import static org.apache.spark.sql.functions.not;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.fs.FileUtil;
import org.apache.spark.ml.Estimator;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.Utils;
import org.slf4j.LoggerFactory;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.data.DatasetRows;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.training.DatasetTraining;
import org.sparklora.driver.training.TrainedRun;

/**
 * Fine-tunes an encoder with LoRA groups on the rows of a dataset, as Spark ML's estimators do. Its Params are of three kinds:
 * the columns of the texts and of what a model adds ({@link TextParams}), what else a row has ({@link RowParams}), and the job
 * ({@link JobParams}).
 *
 * @param <E> the estimator itself, which setters return
 * @param <M> its model
 */
public abstract class LoraEstimator<E extends LoraEstimator<E, M>, M extends LoraModel<M>> extends Estimator<M>
        implements TextParams<E>, RowParams<E>, JobParams<E>, DefaultParamsWritable {

    private static final long serialVersionUID = 1L;

    /** The part of a job that a dataset stands for. */
    private static final String TRAINING_ROWS = "dataset:training";

    private static final String VALIDATION_ROWS = "dataset:validation";

    /** JSON is YAML. */
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String uid;
    private final String task;
    private final ParamTable paramTable;

    /** @param task the job's {@code model.task} */
    LoraEstimator(String uid, String task) {
        this.uid = uid;
        this.task = task;
        this.paramTable = new ParamTable(this);
    }

    @Override
    public final String uid() {
        return uid;
    }

    @Override
    public final ParamTable paramTable() {
        return paramTable;
    }

    /** The label column's texts, and the labels where the column tells them. */
    abstract LabelColumn labelColumn(Dataset<?> rows);

    /** The model of what was trained. */
    abstract M model(TrainedRun trained);

    /**
     * Trains on the rows, as the job's command {@code train} would: equal rows, job and seed give the same adapter to the byte,
     * however the dataset is partitioned. Several fits may run at the same time in one session. They share what they have in common,
     * unless {@code spark.lora.fitCache} is off.
     *
     * @return a model with this estimator's values of the Params that both have
     * @throws IllegalArgumentException if a column is missing, has another type, or would be overwritten, or if the dataset
     *     is a stream
     * @throws org.sparklora.driver.job.config.ConfigException if the Params do not make up a valid job, with all problems at once
     * @throws org.sparklora.driver.cluster.data.DataException if a row has no text or label, or an impossible one
     * @throws org.sparklora.driver.job.manifest.ManifestException if a group matches no module of the base model
     * @throws org.sparklora.worker.encoder.ModelException if the base model cannot be read
     * @throws org.sparklora.driver.run.history.OutputException if {@code outputDir} holds a run already
     * @throws org.sparklora.worker.train.DivergedException if a loss or gradient is not finite
     * @throws org.sparklora.driver.run.loop.ClusterException if the cluster failed more often than the job allows
     */
    @Override
    public final M fit(Dataset<?> dataset) {
        if (dataset.isStreaming()) {
            throw Schemas.refusal(
                    "data.stream",
                    "fit needs all rows at once, but the dataset is a stream; write it to a table and train on that, or train in "
                            + "foreachBatch");
        }
        transformSchema(dataset.schema(), true);
        if (isSet(adapterCol()) && !isSet(outputDir())) {
            throw Schemas.refusal(
                    "config.value.conflict",
                    "adapterCol needs outputDir, a directory from which every executor can read the adapters; set it");
        }
        // Spark also deletes it when the program ends during the fit.
        File temporary =
                isSet(outputDir()) ? null : Utils.createTempDir(System.getProperty("java.io.tmpdir"), "spark-lora");
        try {
            // A URI, because a path without a scheme may be on the cluster's default file system.
            String output = temporary == null ? getOutputDir() : temporary.toURI() + "run";
            TrainedRun trained = DatasetTraining.train(dataset.sparkSession(), jobConfig(output), rows(dataset));
            M model = model(trained).withSummary(LoraTrainingSummary.ofRun(Locations.directory(output)));
            return copyValues(model.setParent(this), ParamMap.empty());
        } finally {
            // The trained model is in memory; a temporary folder that remains must not fail the fit.
            if (temporary != null && !FileUtil.fullyDelete(temporary)) {
                LoggerFactory.getLogger(LoraEstimator.class).warn("{} cannot be deleted", temporary);
            }
        }
    }

    private DatasetTraining.Rows rows(Dataset<?> dataset) {
        LabelColumn label = labelColumn(dataset);
        DatasetRows.Columns wanted = new DatasetRows.Columns(
                texts(), column(textPairCol()), Optional.of(label.text()), column(weightCol()), column(adapterCol()));
        Optional<Column> held = column(validationIndicatorCol());
        Dataset<?> training = held.isPresent() ? dataset.where(not(held.get())) : dataset;
        return new DatasetTraining.Rows(
                DatasetRows.of(training, wanted),
                held.map(rows -> DatasetRows.of(dataset.where(rows), wanted)),
                label.labels());
    }

    private Optional<Column> column(Param<String> name) {
        return isDefined(name) ? Optional.of(DatasetRows.named(getOrDefault(name))) : Optional.empty();
    }

    /**
     * The job that the Params make up: the job file or the defaults, then what the task and the dataset decide, then the Params
     * that are set, then {@code jobOverrides}. Later values override earlier ones.
     */
    final JobConfig jobConfig(String output) {
        List<String> keys = new ArrayList<>(List.of("model.task=" + task));
        if (!(this instanceof LabelsParam<?> labelled)) {
            keys.add("model.labels=null");
        } else if (isSet(labelled.labels())) {
            keys.add("model.labels=" + JSON.valueToTree(labelled.getLabels()));
        }
        keys.add("data.train={path: '" + TRAINING_ROWS + "'}");
        if (isDefined(validationIndicatorCol())) {
            keys.add("data.validation={path: '" + VALIDATION_ROWS + "'}");
        }
        if (isSet(adapterCol())) {
            keys.add("data.adapter=" + JSON.valueToTree(getAdapterCol()));
        }
        paramTable.byKey().forEach((path, param) -> {
            if (isSet(param)) {
                keys.add(path + "=" + yaml(param));
            }
        });
        if (!isSet(job()) && !isSet(groups())) {
            // PEFT's default for BERT.
            keys.add("lora.groups={all: {target_modules: [query, value]}}");
            if (!isSet(schedule())) {
                keys.add("schedule={live: [all]}");
            }
        }
        keys.addAll(List.of(getJobOverrides()));
        return isSet(job())
                ? JobFile.read(Path.of(getJob()), keys, Optional.of(output))
                : JobFile.ofKeys(uid, keys, output);
    }

    private String yaml(Param<?> param) {
        if (param.equals(baseModel())) {
            return JSON.valueToTree(getBaseModel()).toString();
        }
        return param.equals(checkpointInterval()) && getCheckpointInterval() < 0
                ? "null"
                : String.valueOf(getOrDefault(param));
    }

    /** Refuses columns of texts and labels that are missing or have another type. */
    void requireInput(StructType schema) {
        Schemas.requireTextOrPair(schema, this);
        Schemas.requireLabel(schema, getLabelCol(), this instanceof LabelsParam);
    }

    /** The texts of the rows, as the task reads them. */
    Column texts() {
        return DatasetRows.named(getTextCol());
    }

    /**
     * A schema with the columns that the model will add; the names of classes are not known before {@code fit}.
     *
     * @throws IllegalArgumentException if a column is missing, has another type, or would be overwritten
     */
    @Override
    public StructType transformSchema(StructType schema) {
        requireInput(schema);
        if (isDefined(adapterCol())) {
            Schemas.name(schema, getAdapterCol(), "adapterCol");
        }
        if (isDefined(weightCol())) {
            Schemas.requireNumber(schema, getWeightCol(), "weightCol");
        }
        if (isDefined(validationIndicatorCol())) {
            Schemas.requireBoolean(schema, getValidationIndicatorCol(), "validationIndicatorCol");
        }
        return schema;
    }

    @Override
    @SuppressWarnings("unchecked")
    public E copy(ParamMap extra) {
        return (E) defaultCopy(extra);
    }
}
