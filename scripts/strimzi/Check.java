// Reads manifests of Kafka into the classes by which Strimzi's operator reads them, and says what the operator would not understand.
// Started by scripts/check-kafka.sh.

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.fabric8.kubernetes.api.model.Quantity;
import io.strimzi.api.ResourceLabels;
import io.strimzi.api.kafka.model.kafka.Kafka;
import io.strimzi.api.kafka.model.kafka.KafkaClusterSpec;
import io.strimzi.api.kafka.model.nodepool.KafkaNodePool;
import io.strimzi.api.kafka.model.topic.KafkaTopic;
import java.io.File;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

public class Check {
    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
    private static final Map<String, Class<?>> KINDS =
            Map.of(Kafka.RESOURCE_KIND, Kafka.class, KafkaNodePool.RESOURCE_KIND, KafkaNodePool.class, KafkaTopic.RESOURCE_KIND, KafkaTopic.class);
    private static final List<String> FAULTS = new ArrayList<>();

    public static void main(String[] files) throws Exception {
        Map<String, Integer> count = new TreeMap<>();
        List<JsonNode> objects = new ArrayList<>();
        for (String file : files) {
            for (JsonNode object : YAML.readerFor(JsonNode.class).<JsonNode>readValues(new File(file)).readAll()) {
                objects.add(object);
                count.merge(object.path("kind").asText(), 1, Integer::sum);
                check(object);
            }
        }
        belong(objects);
        FAULTS.forEach(System.out::println);
        System.out.println(FAULTS.isEmpty() ? "Strimzi understands " + count : FAULTS.size() + " faults in " + count);
        System.exit(FAULTS.isEmpty() ? 0 : 1);
    }

    private static void check(JsonNode object) throws Exception {
        String kind = object.path("kind").asText();
        String place = kind + "/" + object.path("metadata").path("name").asText();
        Class<?> type = KINDS.get(kind);
        if (type == null) {
            fault(place, "", "is none of " + new TreeMap<>(KINDS).keySet());
            return;
        }
        Object model;
        try {
            model = YAML.treeToValue(object, type);
        } catch (com.fasterxml.jackson.core.JsonProcessingException error) {
            fault(place, "", error.getOriginalMessage());
            return;
        }
        List<?> versions = (List<?>) type.getField("VERSIONS").get(null);
        if (versions.stream().noneMatch(version -> object.path("apiVersion").asText().equals(Kafka.RESOURCE_GROUP + "/" + version))) {
            fault(place, "/apiVersion", "is none of " + versions);
        }
        walk(place, "", model, object);
        kept(place, "", object, YAML.valueToTree(model));
        if (model instanceof Kafka kafka) {
            settings(place, kafka.getSpec().getKafka().getConfig());
        }
    }

    /** What a class of the model does not know it keeps aside; what it must have may be missing in the file. */
    private static void walk(String place, String path, Object value, JsonNode said) throws Exception {
        if (value instanceof List<?> list) {
            for (int at = 0; at < list.size(); at++) {
                walk(place, path + "/" + at, list.get(at), said.path(at));
            }
        } else if (value instanceof Map<?, ?> map) {
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                walk(place, path + "/" + entry.getKey(), entry.getValue(), said.path(String.valueOf(entry.getKey())));
            }
        } else if (value instanceof Quantity quantity) {
            try {
                quantity.getNumericalAmount();
            } catch (IllegalArgumentException error) {
                fault(place, path, "is no quantity: " + error.getMessage());
            }
        } else if (value != null && !value.getClass().isEnum() && value.getClass().getName().matches("io\\.(strimzi|fabric8)\\..*")) {
            for (Method method : value.getClass().getMethods()) {
                if (method.getParameterCount() == 0 && !method.isBridge() && method.getName().matches("(get|is)[A-Z].*")) {
                    property(place, path, method, value, said);
                }
            }
        }
    }

    private static void property(String place, String path, Method method, Object value, JsonNode said) throws Exception {
        String name = method.getName().replaceFirst("^(get|is)", "");
        name = Character.toLowerCase(name.charAt(0)) + name.substring(1);
        Object found = method.invoke(value);
        if (name.equals("additionalProperties")) {
            ((Map<?, ?>) found).keySet().forEach(key -> fault(place, path + "/" + key, "is not known"));
            return;
        }
        JsonProperty property = method.getAnnotation(JsonProperty.class);
        if (property != null && property.required() && said.path(name).isMissingNode()) {
            fault(place, path + "/" + name, "is missing");
        }
        walk(place, path + "/" + name, found, said.path(name));
    }

    /** A value that an enumeration does not know becomes none, without an error: everything that stands in the file must have come through. */
    private static void kept(String place, String path, JsonNode said, JsonNode understood) {
        if (said.isObject()) {
            said.fields().forEachRemaining(field -> kept(place, path + "/" + field.getKey(), field.getValue(), understood.path(field.getKey())));
        } else if (said.isArray()) {
            for (int at = 0; at < said.size(); at++) {
                kept(place, path + "/" + at, said.get(at), understood.path(at));
            }
        } else if (!said.asText().equals(understood.asText())) {
            fault(place, path, "is " + said + ", and Strimzi makes " + (understood.isMissingNode() ? "nothing" : understood) + " of it");
        }
    }

    /** Settings of the broker that are the operator's own to make: it drops them with a warning. */
    private static void settings(String place, Map<String, Object> config) {
        List<String> excepted = List.of(KafkaClusterSpec.FORBIDDEN_PREFIX_EXCEPTIONS.split(", "));
        for (String name : config.keySet()) {
            if (!excepted.contains(name) && Stream.of(KafkaClusterSpec.FORBIDDEN_PREFIXES.split(", ")).anyMatch(name::startsWith)) {
                fault(place, "/spec/kafka/config/" + name, "is the operator's own");
            }
        }
    }

    /** By this label the operator finds what belongs to a Kafka; without it a pool or a topic is nobody's. */
    private static void belong(List<JsonNode> objects) {
        List<String> clusters = objects.stream().filter(object -> object.path("kind").asText().equals(Kafka.RESOURCE_KIND))
                .map(object -> object.path("metadata").path("name").asText()).toList();
        for (JsonNode object : objects) {
            String label = object.path("metadata").path("labels").path(ResourceLabels.STRIMZI_CLUSTER_LABEL).asText();
            String kind = object.path("kind").asText();
            if (!kind.equals(Kafka.RESOURCE_KIND) && !clusters.contains(label)) {
                fault(kind + "/" + object.path("metadata").path("name").asText(), "/metadata/labels", "belongs to '" + label + "', and there is " + clusters);
            }
        }
    }

    private static void fault(String place, String path, String words) {
        FAULTS.add(place + path + " " + words);
    }
}
