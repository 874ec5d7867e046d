0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 candidates all
2.000 client0 at node1
2.100 client0 write r0 A
      committed to 6
      client0 writes r0: done
3.000 partition node3 | rest
8.000 client0 write r0 B
      committed to 7
      client0 writes r0: done
9.000 heal
12.000 client1 at node3
12.000 client1 read r0
       client1 reads r0: B
       the faults stop for node1 node2 node3
       committed to 11
       held
