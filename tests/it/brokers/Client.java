// Kafka's own clients for the stories of its brokers: reads one word a line and answers each with one line of JSON.

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.LongSerializer;

public class Client {
    private final String brokers;
    private final String topic;
    private final Admin admin;
    private final Map<Integer, Set<Long>> acknowledged = new ConcurrentHashMap<>();
    private final Set<Long> read = ConcurrentHashMap.newKeySet();
    private final Set<String> failed = new TreeSet<>();
    private final ConcurrentLinkedQueue<Thread> threads = new ConcurrentLinkedQueue<>();
    private volatile long slowest;
    private volatile boolean writing = true;
    private volatile boolean reading = true;

    private Client(String brokers, String topic) {
        this.brokers = brokers;
        this.topic = topic;
        this.admin = Admin.create(Map.of("bootstrap.servers", brokers));
    }

    public static void main(String[] args) throws Exception {
        Client client = new Client(args[0], args[1]);
        BufferedReader words = new BufferedReader(new InputStreamReader(System.in));
        for (String word = words.readLine(); word != null; word = words.readLine()) {
            Object answer = switch (word) {
                case "describe" -> client.describe();
                case "misspelt" -> client.misspelt();
                case "elect" -> client.elect();
                case "begin" -> client.begin();
                case "count" -> client.count();
                case "end" -> client.end();
                default -> throw new IllegalArgumentException(word);
            };
            System.out.println(new ObjectMapper().writeValueAsString(answer));
        }
        System.exit(0);
    }

    /** Every topic that somebody made: where its partitions are, and what was set for it alone. */
    private Object describe() throws Exception {
        Map<String, Object> topics = new TreeMap<>();
        Set<String> names = admin.listTopics().names().get();
        List<ConfigResource> resources = names.stream().map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name)).toList();
        var settings = admin.describeConfigs(resources).all().get();
        for (TopicDescription topic : admin.describeTopics(names).allTopicNames().get().values()) {
            List<Object> partitions = new ArrayList<>();
            topic.partitions().forEach(partition -> partitions.add(Map.of(
                    "leader", partition.leader() == null ? 0 : partition.leader().id(),
                    "replicas", partition.replicas().stream().map(Node::id).toList(),
                    "insync", partition.isr().stream().map(Node::id).toList())));
            Map<String, String> own = new TreeMap<>();
            for (ConfigEntry entry : settings.get(new ConfigResource(ConfigResource.Type.TOPIC, topic.name())).entries()) {
                if (entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG) {
                    own.put(entry.name(), entry.value());
                }
            }
            topics.put(topic.name(), Map.of("partitions", partitions, "settings", own));
        }
        return topics;
    }

    /** A message to a topic that nobody made. */
    private Object misspelt() {
        try (KafkaProducer<Long, Long> producer = producer(Map.of("max.block.ms", "3000"))) {
            producer.send(new ProducerRecord<>(topic + "-misspelt", 1L)).get();
            return Map.of("taken", true);
        } catch (Exception error) {
            return Map.of("taken", false, "why", String.valueOf(error.getMessage()));
        }
    }

    /** The first replica of each partition leads again, which brokers also see to every five minutes. */
    private Object elect() throws Exception {
        return Map.of("elected", admin.electLeaders(ElectionType.PREFERRED, null).partitions().get().size());
    }

    private KafkaProducer<Long, Long> producer(Map<String, Object> more) {
        Map<String, Object> settings = new TreeMap<>(Map.of("bootstrap.servers", brokers, "acks", "all", "enable.idempotence", "true"));
        settings.putAll(more);
        return new KafkaProducer<>(settings, new LongSerializer(), new LongSerializer());
    }

    private Object begin() {
        start(this::write);
        start(this::read);
        return Map.of();
    }

    private void start(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
    }

    /** Numbers, one partition after the other. Only what is acknowledged counts. */
    private void write() {
        try (KafkaProducer<Long, Long> producer = producer(Map.of())) {
            int partitions = producer.partitionsFor(topic).size();
            for (long number = 0; writing; number++) {
                long value = number;
                long began = System.nanoTime();
                producer.send(new ProducerRecord<>(topic, (int) (number % partitions), null, value), (where, error) -> {
                    if (error != null) {
                        synchronized (failed) {
                            failed.add(String.valueOf(error));
                        }
                        return;
                    }
                    slowest = Math.max(slowest, (System.nanoTime() - began) / 1_000_000);
                    acknowledged.computeIfAbsent(where.partition(), partition -> ConcurrentHashMap.newKeySet()).add(value);
                });
                Thread.sleep(5);
            }
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    /** As a sidecar reads: a group with a place that it keeps at the brokers. */
    private void read() {
        Map<String, Object> settings = Map.of("bootstrap.servers", brokers, "group.id", "readers", "auto.offset.reset", "earliest",
                "auto.commit.interval.ms", "500");
        try (KafkaConsumer<Long, Long> consumer = new KafkaConsumer<>(settings, new LongDeserializer(), new LongDeserializer())) {
            consumer.subscribe(List.of(topic));
            while (reading) {
                consumer.poll(Duration.ofMillis(100)).forEach(message -> read.add(message.value()));
            }
        }
    }

    private Object count() {
        Map<Integer, Integer> each = new TreeMap<>();
        acknowledged.forEach((partition, numbers) -> each.put(partition, numbers.size()));
        long unread = acknowledged.values().stream().flatMap(Set::stream).filter(number -> !read.contains(number)).count();
        synchronized (failed) {
            return Map.of("acknowledged", each, "read", read.size(), "unread", unread, "failed", List.copyOf(failed), "slowest", slowest);
        }
    }

    /** Writes no more and reads the rest; `stored` is what stands in the topic, where a message that was sent twice would stand twice. */
    private Object end() throws Exception {
        writing = false;
        threads.poll().join();
        List<TopicPartition> partitions = acknowledged.keySet().stream().map(partition -> new TopicPartition(topic, partition)).toList();
        Map<TopicPartition, OffsetSpec> latest = new ConcurrentHashMap<>();
        partitions.forEach(partition -> latest.put(partition, OffsetSpec.latest()));
        long stored = admin.listOffsets(latest).all().get().values().stream().mapToLong(found -> found.offset()).sum();
        long until = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (read.size() < stored && System.nanoTime() < until) {
            Thread.sleep(50);
        }
        reading = false;
        threads.poll().join();
        Map<String, Object> answer = new TreeMap<>(Map.of("stored", stored));
        answer.putAll((Map<String, Object>) count());
        return answer;
    }
}
